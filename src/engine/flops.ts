import type { Engine, Id, Operations } from './engine.ts'
import { type Signature, signatures } from './operations.ts'

/** f32 operations (a multiply-add is two) of one call, from the shapes of its arguments. */
type Count = (args: readonly number[], shape: (argument: number) => readonly number[], e: Engine) => number

/** Operations of a product of [n, d] and [d, m]. */
const product = (n: number, d: number, m: number): number => 2 * n * d * m

const rowsTimesRows: Count = (_, shape) => product(shape(0)[0], shape(0)[1], shape(1)[0])

/** The operations that are products in the main; of all others the profile counts what they move ({@link traffic}). */
export const flops: Partial<Record<keyof Operations, Count>> = {
  linear: (_, shape) => product(shape(0)[0], shape(1)[0], shape(1)[1]),
  linearRelu: (_, shape) => product(shape(0)[0], shape(1)[0], shape(1)[1]),
  linearOnto: (_, shape) => product(shape(1)[0], shape(2)[0], shape(2)[1]),
  linearInputGradient: (_, shape) => product(shape(0)[0], shape(1)[0], shape(1)[1]),
  linearWeightGradient: (_, shape) => product(shape(0)[0], shape(0)[1], shape(1)[1]),
  inner: rowsTimesRows,
  topK: (_, shape) => product(shape(0)[0], shape(0)[1], shape(2)[0]),
  // q · k and p · v
  attention: (args, shape, e) => 2 * product(visible(e, args[3], args[4]), shape(0)[1], 1),
  // q · k again, dout · v, and the gradients of q, k and v
  attentionGradient: (args, shape, e) => 5 * product(visible(e, args[6], args[7]), shape(0)[1], 1),
  // The logits, dh and ditems
  crossEntropy: (args, shape, e) => 3 * rowsTimesRows(args, shape, e),
  // The same over the negatives and each row's own positive
  sampledSoftmax: (_, shape) => 3 * product(shape(0)[0], shape(0)[1], shape(2)[0] + 1),
  rowSampledSoftmax: (_, shape) => 3 * product(shape(0)[0] + shape(2)[0], shape(0)[1], 1),
  rowInner: (_, shape) => product(shape(1)[0], shape(1)[1], 1),
  rowInnerGradient: (_, shape) => 2 * product(shape(1)[0], shape(1)[1], 1),
  // The same for each of an event's vectors
  maxCrossEntropy: (args, shape, e) => 3 * rowsTimesRows(args, shape, e),
  maxSampledSoftmax: (_, shape) => 3 * product(shape(0)[0], shape(0)[1], shape(2)[0] + 1),
}

/** Pairs of a query and a key that it sees: the queries of a segment are its last rows, and see what is up to them. */
function visible(e: Engine, queries: Id, offsets: Id): number {
  const [starts, ends] = [e.readInt32(queries), e.readInt32(offsets)]
  let pairs = 0
  for (let b = 0; b + 1 < ends.length; b++) {
    const [rows, keys] = [starts[b + 1] - starts[b], ends[b + 1] - ends[b]]
    pairs += rows * (keys - rows) + (rows * (rows + 1)) / 2
  }
  return pairs
}

/** Which arguments move where it is not each tensor once: all of a table is not read, and what an optimiser changes is written too. */
const moves: Partial<Record<string, readonly number[]>> = {
  gather: [1],
  embed: [1, 4],
  adam: [0, 0, 1, 1, 2, 2, 3],
  adamRows: [3, 3, 3, 3, 3, 3, 3, 4],
}

/** Of how many tables an operation reads as much as it writes. */
const tables: Partial<Record<string, number>> = { gather: 1, embed: 2 }

/**
 * Bytes that a call of an operation which is no product reads and writes at least, from the sizes of its tensors: each
 * argument once, each result once, but for what is listed above.
 */
export function traffic(op: string, args: readonly unknown[], result: unknown, shape: (id: Id) => readonly number[]): number {
  const signature = (signatures as Readonly<Record<string, Signature>>)[op]
  if (!signature || op in flops) return 0
  const numbers = (id: Id): number => (id === 0 ? 0 : shape(id).reduce((product, extent) => product * extent, 1))
  const read = (moves[op] ?? signature.tensors).map((at) => numbers(args[at] as Id))
  const results = signature.gives === 'tensors' ? ids(result).map(numbers) : []
  return 4 * (sum(read) + (1 + (tables[op] ?? 0)) * sum(results))
}

const ids = (result: unknown): Id[] => (typeof result === 'number' ? [result] : Array.from(result as ArrayLike<Id>))
const sum = (terms: readonly number[]): number => terms.reduce((total, term) => total + term, 0)
