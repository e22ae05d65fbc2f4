import { expect, it } from 'vitest'
import type { Engine, Id } from '../../../src/engine/engine.ts'
import { FociError } from '../../../src/errors.ts'
import type { Fault } from './cases.ts'
import { topics } from './topics.ts'

const real = (e: Engine, ...shape: number[]): Id =>
  e.fromFloat32(new Float32Array(shape.reduce((product, n) => product * n, 1)), Uint32Array.from(shape))
const ints = (e: Engine, ...values: number[]): Id => e.fromInt32(Int32Array.from(values), Uint32Array.of(values.length))
const variable = (e: Engine, ...shape: number[]): Id => e.variable(Uint32Array.from(shape))
const freed = (e: Engine): Id => {
  const id = real(e, 2, 2)
  e.release(id)
  return id
}

interface Call {
  readonly q?: readonly [number, number]
  readonly k?: readonly [number, number]
  readonly v?: readonly [number, number]
  readonly queries?: readonly number[]
  readonly offsets?: readonly number[]
  readonly heads?: number
  readonly rate?: number
}
/** Attention over two segments of two and one events, but for what is given. */
const attend = (e: Engine, { q = [3, 4], k = [3, 4], v = k, queries = [0, 2, 3], offsets = [0, 2, 3], heads = 2, rate = 0 }: Call) =>
  e.attention(real(e, ...q), real(e, ...k), real(e, ...v), ints(e, ...queries), ints(e, ...offsets), heads, rate, 1, 1)

/** topK of two users with a vector each over five items, but for what is given. */
const best = (e: Engine, { offsets = [0, 1, 2], width = 3, seen = [4], seenOffsets = [0, 1, 1], allowed = [31], quantized = 0 }) => {
  const [bounds, masks] = [ints(e, ...offsets), [ints(e, ...seen), ints(e, ...seenOffsets), ints(e, ...allowed)] as const]
  return e.topK(real(e, 2, 3), bounds, real(e, 5, width), 2, ...masks, quantized)
}

const step = (e: Engine, parameter: Id, first: Id, second: Id, gradient: Id, number = 1) =>
  e.adam(parameter, first, second, gradient, 0.1, 0.9, 0.98, 1e-8, 0, number, 1)
const stepTwice = (e: Engine, moment: Id) => step(e, variable(e, 3), moment, moment, real(e, 3))
const stepRows = (e: Engine, rows: Id, ids: Id) =>
  e.adamRows(variable(e, 3, 2), variable(e, 3, 2), variable(e, 3, 2), rows, ids, 0.1, 0.9, 0.98, 1e-8, 0, 1, 1)

const LARGEST = 2 ** 31 - 1

/** topK of a user with one vector over two items, of such values. */
const bestOf = (e: Engine, vector: number, item: number) =>
  e.topK(filled(e, vector, 1, 3), ints(e, 0, 1), filled(e, item, 2, 3), 1, ints(e), ints(e, 0, 0), 0, 0)
const filled = (e: Engine, value: number, ...shape: number[]): Id =>
  e.fromFloat32(new Float32Array(shape.reduce((product, n) => product * n, 1)).fill(value), Uint32Array.from(shape))

const faults: readonly Fault[] = [
  ...topics.flatMap((topic) => topic.faults),

  ['SHAPE', 'values that do not fill a shape', (e) => e.fromFloat32(new Float32Array(5), Uint32Array.of(2, 3))],
  ['SHAPE', 'indices that do not fill a shape', (e) => e.fromInt32(new Int32Array(7), Uint32Array.of(2, 3))],
  ['SHAPE', 'a variable written with too few values', (e) => e.write(variable(e, 3), new Float32Array(2))],
  ['SHAPE', 'a write to what is no variable', (e) => e.write(real(e, 3), new Float32Array(3))],
  [
    'SHAPE',
    'a write to frozen weights',
    (e) => e.write(e.freeze('faults', 'w', new Float32Array(3), Uint32Array.of(3)), new Float32Array(3)),
  ],
  ['SHAPE', 'frozen values that do not fill a shape', (e) => e.freeze('faults', 'x', new Float32Array(3), Uint32Array.of(4))],
  ['RANGE', 'more rows than an i32 counts', (e) => e.fromFloat32(new Float32Array(), Uint32Array.of(LARGEST + 1, 0))],
  ['RANGE', 'more items than an i32 counts', (e) => e.fromFloat32(new Float32Array(), Uint32Array.of(0, LARGEST + 1))],
  ['RANGE', 'a variable of more rows than an i32 counts', (e) => e.variable(Uint32Array.of(LARGEST + 1))],
  ['SHAPE', 'a value for a shape of 2³² of them', (e) => e.fromFloat32(new Float32Array(1), Uint32Array.of(65_536, 65_536))],
  ['SHAPE', 'f32 read as i32', (e) => e.readInt32(real(e, 2))],
  ['SHAPE', 'i32 read as f32', (e) => e.readFloat32(ints(e, 2))],

  ['SHAPE', 'a sum of two shapes', (e) => e.add(real(e, 2, 3), real(e, 3, 2))],
  ['SHAPE', 'a sum of two lengths', (e) => e.add(real(e, 17), real(e, 16))],
  ['SHAPE', 'a product of two shapes', (e) => e.multiply(real(e, 6), real(e, 2, 3))],
  ['SHAPE', 'arithmetic on indices', (e) => e.add(ints(e, 1), ints(e, 1))],
  ['SHAPE', 'a factor that is no scalar', (e) => e.scaleBy(real(e, 2), real(e, 2))],
  ['SHAPE', 'a gradient of another shape', (e) => e.geluGradient(real(e, 8), real(e, 7))],
  ['RANGE', 'a rate of 1', (e) => e.dropout(real(e, 2), 1, 1, 1)],
  ['RANGE', 'a negative rate', (e) => e.dropout(real(e, 2), -0.1, 1, 1)],
  ['RANGE', 'a rate that is no number', (e) => e.dropout(real(e, 2), Number.NaN, 1, 1)],

  ['SHAPE', 'a row of another width', (e) => e.addRow(real(e, 2, 3), real(e, 2))],
  ['SHAPE', 'rows of a scalar', (e) => e.sumRows(real(e))],
  ['SHAPE', 'a softmax gradient of another shape', (e) => e.softmaxGradient(real(e, 2, 3), real(e, 2, 2))],
  ['SHAPE', 'a gain of another width', (e) => e.layerNorm(real(e, 2, 3), real(e, 2), real(e, 3), 1e-5)],
  ['SHAPE', 'a bias of another width', (e) => e.layerNorm(real(e, 2, 3), real(e, 3), real(e, 4), 1e-5)],
  ['SHAPE', 'a layer norm gradient of another shape', (e) => e.layerNormGradient(real(e, 2, 3), real(e, 3), real(e, 3, 3), 1e-5)],
  ['SHAPE', 'a normalize gradient of another shape', (e) => e.normalizeGradient(real(e, 2, 3), real(e, 3, 2))],

  ['SHAPE', 'factors that do not meet', (e) => e.linear(real(e, 2, 3), real(e, 4, 5), 0)],
  ['SHAPE', 'a factor that is no matrix', (e) => e.linear(real(e, 2, 3), real(e, 3), 0)],
  ['SHAPE', 'a bias of another width than the weight', (e) => e.linear(real(e, 2, 3), real(e, 3, 5), real(e, 3))],
  ['SHAPE', 'a product onto another shape', (e) => e.linearOnto(real(e, 2, 4), real(e, 2, 3), real(e, 3, 5), 0)],
  ['SHAPE', 'positive parts of factors that do not meet', (e) => e.linearRelu(real(e, 2, 3), real(e, 4, 5), 0)],
  ['SHAPE', 'an input gradient of another width', (e) => e.linearInputGradient(real(e, 2, 4), real(e, 3, 5))],
  ['SHAPE', 'a weight gradient of other rows', (e) => e.linearWeightGradient(real(e, 2, 3), real(e, 3, 5))],
  ['SHAPE', 'rows of different widths', (e) => e.inner(real(e, 2, 3), real(e, 3, 2))],

  ['RANGE', 'an id beyond the table', (e) => e.gather(real(e, 3, 2), ints(e, 0, 3))],
  ['RANGE', 'a negative id', (e) => e.gather(real(e, 3, 2), ints(e, -1))],
  ['RANGE', 'the largest id', (e) => e.gather(real(e, 3, 2), ints(e, LARGEST))],
  ['RANGE', 'an id into an empty table', (e) => e.gather(real(e, 0, 2), ints(e, 0))],
  ['SHAPE', 'ids that are f32', (e) => e.gather(real(e, 3, 2), real(e, 1))],
  ['SHAPE', 'a table that is no matrix', (e) => e.gather(real(e, 3), ints(e, 0))],
  ['RANGE', 'an embedded id beyond the table', (e) => e.embed(real(e, 3, 2), ints(e, 3), 1, real(e, 4, 2), ints(e, 0))],
  ['RANGE', 'a position beyond the places', (e) => e.embed(real(e, 3, 2), ints(e, 0), 1, real(e, 4, 2), ints(e, 4))],
  ['SHAPE', 'places of another width', (e) => e.embed(real(e, 3, 2), ints(e, 0), 1, real(e, 4, 3), ints(e, 0))],
  ['SHAPE', 'fewer positions than ids', (e) => e.embed(real(e, 3, 2), ints(e, 0, 1), 1, real(e, 4, 2), ints(e, 0))],
  ['SHAPE', 'fewer ids than rows', (e) => e.gatherGradient(real(e, 3, 2), ints(e, 0, 1))],
  ['RANGE', 'the gradient of a negative id', (e) => e.gatherGradient(real(e, 1, 2), ints(e, -1))],
  ['SHAPE', 'merged rows of different widths', (e) => e.mergeRows(real(e, 1, 2), ints(e, 0), real(e, 1, 3), ints(e, 0))],
  ['RANGE', 'merged ids that descend', (e) => e.mergeRows(real(e, 2, 2), ints(e, 1, 0), real(e, 1, 2), ints(e, 0))],
  ['RANGE', 'merged ids that repeat', (e) => e.mergeRows(real(e, 1, 2), ints(e, 0), real(e, 2, 2), ints(e, 1, 1))],
  ['RANGE', 'a scattered id beyond the count', (e) => e.scatter(real(e, 2, 2), ints(e, 0, 3), 3)],
  ['RANGE', 'a scatter to a negative count', (e) => e.scatter(real(e, 0, 2), ints(e), -1)],
  ['RANGE', 'scattered ids that repeat', (e) => e.scatter(real(e, 2, 2), ints(e, 1, 1), 3)],
  ['NON_FINITE', 'the best items for a vector that is no number', (e) => bestOf(e, Number.NaN, 1)],
  ['NON_FINITE', 'the best items for an infinite vector', (e) => bestOf(e, Number.NEGATIVE_INFINITY, 1)],
  ['NON_FINITE', 'the best items by products that overflow', (e) => bestOf(e, 3e38, 3e38)],
  ['NON_FINITE', 'the best items by products that overflow below', (e) => bestOf(e, 3e38, -3e38)],
  ['RANGE', 'the target of no items', (e) => e.crossEntropy(real(e, 1, 4), real(e, 0, 4), ints(e, 0), 0)],
  ['RANGE', 'an item seen of none', (e) => e.topKScores(real(e, 1, 0), 1, ints(e, 0), ints(e, 0, 1), 0)],

  ['RANGE', 'offsets that fall', (e) => e.positions(ints(e, 0, 3, 2))],
  ['RANGE', 'offsets that do not begin at 0', (e) => e.positions(ints(e, 1, 3))],
  ['RANGE', 'negative offsets', (e) => e.lastRows(ints(e, 0, -1, 3))],
  ['SHAPE', 'no offsets at all', (e) => e.lastRows(ints(e))],

  ['SHAPE', 'fewer rows than logits', (e) => e.prefixMix(real(e, 3, 2), real(e, 2, 4), ints(e, 0, 3))],
  ['RANGE', 'prefixes beyond the rows', (e) => e.prefixMix(real(e, 3, 2), real(e, 3, 4), ints(e, 0, 4))],

  ['SHAPE', 'heads that do not divide the width', (e) => attend(e, { heads: 3 })],
  ['SHAPE', 'no heads', (e) => attend(e, { heads: 0 })],
  ['SHAPE', 'keys narrower than queries', (e) => attend(e, { k: [3, 2] })],
  ['SHAPE', 'fewer values than keys', (e) => attend(e, { v: [2, 4] })],
  ['SHAPE', 'more segments of keys than of queries', (e) => attend(e, { offsets: [0, 2, 3, 3] })],
  ['RANGE', 'offsets beyond the keys', (e) => attend(e, { offsets: [0, 2, 4] })],
  ['RANGE', 'offsets that leave keys over', (e) => attend(e, { offsets: [0, 1, 2], queries: [0, 1, 2], q: [2, 4] })],
  ['RANGE', 'offsets of queries beyond the queries', (e) => attend(e, { q: [2, 4] })],
  ['RANGE', 'offsets of keys that fall', (e) => attend(e, { offsets: [0, 4, 3] })],
  ['RANGE', 'more queries than keys', (e) => attend(e, { queries: [0, 1, 3] })],
  ['RANGE', 'a rate of attention above 1', (e) => attend(e, { rate: 1.5 })],
  [
    'SHAPE',
    'an attention gradient of another shape',
    (e) =>
      e.attentionGradient(
        real(e, 1, 2),
        real(e, 1, 2),
        real(e, 1, 2),
        real(e, 1, 2),
        real(e, 1, 1),
        real(e, 2, 2),
        ints(e, 0, 1),
        ints(e, 0, 1),
        1,
        0,
        1,
        1,
      ),
  ],

  ['RANGE', 'a target beyond the catalogue', (e) => e.crossEntropy(real(e, 2, 3), real(e, 5, 3), ints(e, 0, 5), 0)],
  ['RANGE', 'a negative target', (e) => e.crossEntropy(real(e, 1, 3), real(e, 5, 3), ints(e, -1), 0)],
  ['SHAPE', 'fewer targets than rows', (e) => e.crossEntropy(real(e, 2, 3), real(e, 5, 3), ints(e, 0), 0)],
  ['SHAPE', 'items of another width', (e) => e.crossEntropy(real(e, 2, 3), real(e, 5, 2), ints(e, 0, 0), 0)],
  [
    'SHAPE',
    'fewer positives than rows',
    (e) => e.sampledSoftmax(real(e, 2, 3), real(e, 1, 3), real(e, 1, 3), ints(e, 0, 0), ints(e, 1), 0, 0, 0),
  ],
  [
    'SHAPE',
    'negatives of another width',
    (e) => e.sampledSoftmax(real(e, 2, 3), real(e, 2, 3), real(e, 1, 2), ints(e, 0, 0), ints(e, 1), 0, 0, 0),
  ],
  [
    'SHAPE',
    'fewer ids than negatives',
    (e) => e.sampledSoftmax(real(e, 1, 3), real(e, 1, 3), real(e, 2, 3), ints(e, 0), ints(e, 1), 0, 0, 0),
  ],
  [
    'SHAPE',
    'more targets than rows',
    (e) => e.sampledSoftmax(real(e, 1, 3), real(e, 1, 3), real(e, 1, 3), ints(e, 0, 0), ints(e, 1), 0, 0, 0),
  ],
  ['SHAPE', 'more weights than rows', (e) => e.crossEntropy(real(e, 1, 3), real(e, 5, 3), ints(e, 0), real(e, 2))],
  ['RANGE', 'a weight that is no number', (e) => e.crossEntropy(real(e, 1, 3), real(e, 5, 3), ints(e, 0), filled(e, Number.NaN, 1))],
  [
    'SHAPE',
    'fewer corrections than targets',
    (e) => e.sampledSoftmax(real(e, 2, 3), real(e, 2, 3), real(e, 1, 3), ints(e, 0, 0), ints(e, 1), 0, real(e, 1), 0),
  ],
  [
    'SHAPE',
    'negatives that do not go round the rows',
    (e) => e.rowSampledSoftmax(real(e, 2, 3), real(e, 2, 3), real(e, 3, 3), ints(e, 0, 0), ints(e, 1, 2, 3), 0, 0, 0),
  ],
  ['SHAPE', 'rows of no row', (e) => e.rowInner(real(e, 0, 3), real(e, 3, 3))],
  ['SHAPE', 'rows of its own of another width', (e) => e.rowInner(real(e, 2, 3), real(e, 2, 4))],
  ['RANGE', 'no interests', (e) => e.maxCrossEntropy(real(e, 0, 3), real(e, 5, 3), ints(e, 0), 0, 0)],
  ['SHAPE', 'fewer vectors than interests', (e) => e.maxCrossEntropy(real(e, 3, 3), real(e, 5, 3), ints(e, 0, 1), 0, 2)],
  ['RANGE', 'a target of interests beyond the catalogue', (e) => e.maxCrossEntropy(real(e, 2, 3), real(e, 5, 3), ints(e, 5), 0, 2)],
  ['SHAPE', 'fewer weights than events', (e) => e.maxCrossEntropy(real(e, 2, 3), real(e, 5, 3), ints(e, 1, 2), real(e, 1), 1)],
  ['RANGE', 'a negative weight', (e) => e.maxCrossEntropy(real(e, 1, 3), real(e, 5, 3), ints(e, 1), filled(e, -1, 1), 1)],
  [
    'RANGE',
    'a weight without end',
    (e) => e.maxCrossEntropy(real(e, 1, 3), real(e, 5, 3), ints(e, 1), filled(e, Number.POSITIVE_INFINITY, 1), 1),
  ],
  [
    'SHAPE',
    'fewer corrections than negatives',
    (e) => e.maxSampledSoftmax(real(e, 2, 3), real(e, 1, 3), real(e, 2, 3), ints(e, 0), ints(e, 1, 2), real(e, 1), 0, 0, 2),
  ],
  ['SHAPE', 'vectors that no number of interests gives', (e) => e.bestInterests(real(e, 5, 3), real(e, 2, 3))],
  ['SHAPE', 'vectors of no event', (e) => e.bestInterests(real(e, 5, 3), real(e, 0, 3))],

  ['SHAPE', 'items wider than the vectors', (e) => best(e, { width: 4 })],
  ['RANGE', 'offsets beyond the vectors', (e) => best(e, { offsets: [0, 1, 3] })],
  ['RANGE', 'a seen item beyond the catalogue', (e) => best(e, { seen: [5] })],
  ['RANGE', 'a negative seen item', (e) => best(e, { seen: [-1] })],
  ['SHAPE', 'seen offsets of other users', (e) => best(e, { seenOffsets: [0, 1] })],
  ['RANGE', 'seen offsets that fall', (e) => best(e, { seenOffsets: [0, 2, 1] })],
  ['RANGE', 'seen offsets beyond the seen', (e) => best(e, { seenOffsets: [0, 1, 9] })],
  ['SHAPE', 'more words of allowed bits than items', (e) => best(e, { allowed: [31, 0] })],
  ['SHAPE', 'no allowed bits for the items', (e) => best(e, { allowed: [] })],
  ['SHAPE', 'codes that are none', (e) => best(e, { quantized: ints(e, 1, 2) })],
  ['SHAPE', 'codes that are numbers', (e) => best(e, { quantized: real(e, 5, 3) })],
  ['SHAPE', 'codes of items of no width', (e) => e.quantize(real(e, 3, 0))],
  ['SHAPE', 'codes of what is no table', (e) => e.quantize(real(e, 3))],
  ['TENSOR_FREED', 'codes that were freed', (e) => best(e, { quantized: freed(e) })],
  [
    'SHAPE',
    'given scores and allowed bits of another catalogue',
    (e) => e.topKScores(real(e, 1, 40), 2, ints(e), ints(e, 0, 0), ints(e, 1)),
  ],
  ['RANGE', 'a negative number of results', (e) => e.topKScores(real(e, 1, 4), -1, ints(e), ints(e, 0, 0), 0)],
  [
    'RANGE',
    'a negative number of results by vectors',
    (e) => e.topK(real(e, 1, 3), ints(e, 0, 1), real(e, 4, 3), -1, ints(e), ints(e, 0, 0), 0, 0),
  ],
  ['SHAPE', 'a head wider than a kernel holds', (e) => attend(e, { q: [3, 1025], k: [3, 1025], heads: 1 })],
  ['RANGE', 'given scores and a seen item beyond them', (e) => e.topKScores(real(e, 1, 4), 2, ints(e, 4), ints(e, 0, 1), 0)],

  ['SHAPE', 'a moment of another shape', (e) => step(e, variable(e, 3), variable(e, 2), variable(e, 3), real(e, 3))],
  ['SHAPE', 'a step gradient of another shape', (e) => step(e, variable(e, 3), variable(e, 3), variable(e, 3), real(e, 4))],
  ['SHAPE', 'a step on what is no variable', (e) => step(e, real(e, 3), variable(e, 3), variable(e, 3), real(e, 3))],
  ['SHAPE', 'one variable for both moments', (e) => stepTwice(e, variable(e, 3))],
  ['RANGE', 'step 0', (e) => step(e, variable(e, 3), variable(e, 3), variable(e, 3), real(e, 3), 0)],
  ['RANGE', 'a row beyond the parameter', (e) => stepRows(e, real(e, 1, 2), ints(e, 3))],
  ['RANGE', 'rows that repeat', (e) => stepRows(e, real(e, 2, 2), ints(e, 1, 1))],
  ['SHAPE', 'rows of another width', (e) => stepRows(e, real(e, 1, 3), ints(e, 1))],
  ['SHAPE', 'fewer row ids than rows', (e) => stepRows(e, real(e, 2, 2), ints(e, 1))],

  ['TENSOR_FREED', 'a freed tensor read', (e) => e.readFloat32(freed(e))],
  ['TENSOR_FREED', 'the shape of a freed tensor', (e) => e.shape(freed(e))],
  ['TENSOR_FREED', 'a freed tensor as an argument', (e) => e.relu(freed(e))],
  ['TENSOR_FREED', 'a freed tensor as a second argument', (e) => e.linear(real(e, 2, 2), freed(e), 0)],
  ['TENSOR_FREED', 'a freed tensor as an optional argument', (e) => e.linear(real(e, 2, 2), real(e, 2, 2), freed(e))],
  ['TENSOR_FREED', 'a freed list of ids', (e) => e.gather(real(e, 2, 2), freed(e))],
  ['TENSOR_FREED', 'a freed variable written', (e) => e.write(freed(e), new Float32Array(4))],
  ['TENSOR_FREED', 'a step on a freed variable', (e) => step(e, freed(e), variable(e, 2, 2), variable(e, 2, 2), real(e, 2, 2))],
  ['TENSOR_FREED', 'no tensor where one is due', (e) => e.relu(0)],
  ['TENSOR_FREED', 'an id that was never given', (e) => e.squaredNorm(0xffffffff)],
]

/** The error that a call throws. */
export function thrown(run: () => unknown): FociError {
  try {
    run()
  } catch (error) {
    if (error instanceof FociError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

export function checkFaults(engine: () => Engine): void {
  it.each(faults)('%s: %s', (code, _, run) => {
    const e = engine()
    e.openScope()
    const error = thrown(() => run(e))
    expect(error.code, error.message).toBe(code)
    expect(error.message.length).toBeGreaterThan(0)
    expect(error.hint.length).toBeGreaterThan(0)
    expect(Array.from(e.readFloat32(e.relu(e.fromFloat32(Float32Array.of(-1, 2), Uint32Array.of(2)))))).toEqual([0, 2]) // unharmed
    e.closeScope(new Uint32Array())
  })

  it('leaves the variables as they were when a step is refused', () => {
    const e = engine()
    e.openScope()
    const [parameter, first, second] = [variable(e, 2), variable(e, 2), variable(e, 2)]
    e.write(parameter, Float32Array.of(1, 2))
    thrown(() => step(e, parameter, first, second, real(e, 3)))
    expect(Array.from(e.readFloat32(parameter))).toEqual([1, 2])
    for (const id of [parameter, first, second]) e.release(id)
    e.closeScope(new Uint32Array())
  })
}
