import type { Engine, Id, Operations } from './engine.ts'

/** f32 operations (a multiply-add is two) of one call, from the shapes of its arguments. */
type Count = (args: readonly number[], shape: (argument: number) => readonly number[], e: Engine) => number

/** Operations of a product of [n, d] and [d, m]. */
const product = (n: number, d: number, m: number): number => 2 * n * d * m

const rowsTimesRows: Count = (_, shape) => product(shape(0)[0], shape(0)[1], shape(1)[0])

/** The operations that are products in the main; all others move memory ({@link traffic}). */
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

/** Where an operation's arguments are tensors that it reads whole, and how often each element moves if not once. */
const reads: Partial<Record<keyof Operations, readonly number[]>> = {
  add: [0, 1],
  multiply: [0, 1],
  scale: [0],
  scaleBy: [0],
  relu: [0],
  reluGradient: [0, 1],
  gelu: [0],
  geluGradient: [0, 1],
  silu: [0],
  siluGradient: [0, 1],
  sigmoid: [0],
  sigmoidGradient: [0, 1],
  tanh: [0],
  tanhGradient: [0, 1],
  dropout: [0],
  addRow: [0],
  sumRows: [0],
  sum: [0],
  softmax: [0],
  softmaxGradient: [0, 1],
  layerNorm: [0],
  layerNormGradient: [0, 2],
  normalize: [0],
  normalizeGradient: [0, 1],
  gather: [1],
  embed: [1, 4],
  gatherGradient: [0, 1],
  mergeRows: [0, 1, 2, 3],
  scatter: [0, 1],
  squaredNorm: [0],
  finite: [0],
  // The three variables are written too
  adam: [0, 0, 1, 1, 2, 2, 3],
  adamRows: [3, 3, 3, 3, 3, 3, 3, 4],
}

/** Of how many tables an operation reads as much as it writes. */
const tables: Partial<Record<keyof Operations, number>> = { gather: 1, embed: 2 }

/** Bytes that a call of an operation which is no product reads and writes at least, from the sizes of its tensors. */
export function traffic(op: string, args: readonly unknown[], result: unknown, shape: (id: Id) => readonly number[]): number {
  const read = reads[op as keyof Operations]
  if (!read) return 0
  const numbers = (id: Id): number => shape(id).reduce((product, extent) => product * extent, 1)
  const results = op === 'squaredNorm' || op === 'finite' ? [] : ids(result)
  const written = results.reduce((sum, id) => sum + numbers(id), 0)
  const moved = read.reduce((sum, i) => sum + numbers(args[i] as Id), (1 + (tables[op as keyof Operations] ?? 0)) * written)
  return 4 * moved
}

const ids = (result: unknown): Id[] =>
  typeof result === 'number' ? [result] : result === undefined ? [] : Array.from(result as ArrayLike<Id>)
