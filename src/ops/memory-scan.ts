import { Tensor } from '../tensor/tensor.ts'

/** What the events of segments do to a memory of K slots. */
export interface MemoryEvents {
  /** Weights of the slots when an event reads, [T, K]. */
  readonly read: Tensor
  /** Weights of the slots when it writes, [T, K]. */
  readonly write: Tensor
  /** Parts that are erased, [T, D]. */
  readonly erase: Tensor
  /** What is added, [T, D]. */
  readonly add: Tensor
  /** i32 [B + 1] */
  readonly offsets: Tensor
}

/**
 * A memory that each event reads, out_t = Σ_k read_tk M_k, and then writes, M_k ← M_k ⊙ (1 − write_tk erase_t) + write_tk add_t,
 * from zeros in each segment. Chen et al., "Sequential Recommendation with User Memory Networks", WSDM 2018.
 * @returns what each event reads, before it writes, [T, D]
 */
export function memoryScan({ read, write, erase, add, offsets }: MemoryEvents): Tensor {
  return read.derive(
    'memoryScan',
    (e) => e.memoryScan(read.id, write.id, erase.id, add.id, 0, offsets.id),
    [read, write, erase, add],
    (_, dout, e) => Array.from(e.memoryScanGradient(read.id, write.id, erase.id, add.id, 0, dout, offsets.id)),
  )
}

/**
 * The memories after the last event of each segment, without a gradient: one event after the other gives the bits of all at once.
 * @param start what they begin with, [B, K, D]; without it zeros
 * @returns [B, K, D]
 */
export function memoriesAfter({ read, write, erase, add, offsets }: MemoryEvents, start?: Tensor): Tensor {
  const e = read.engine
  const [out, memories] = Array.from(e.memoryScan(read.id, write.id, erase.id, add.id, start?.id ?? 0, offsets.id))
  e.release(out)
  return new Tensor(e, memories)
}
