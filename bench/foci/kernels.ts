/** foci's side of the kernels bench: one operation at a time through the native engine. */
import { closeSync, openSync, readSync } from 'node:fs'
import type { Id } from '#foci/engine/engine.js'
import { loadNative } from '#foci/engine/native.js'
import type { Kernel } from '../kernels.bench.ts'
import { fociVersion, job, milliseconds, report } from '../outcome.ts'

const { kernel, sizes, numbers: path } = job<Kernel>()
const e = loadNative()
const file = openSync(path, 'r')
let read = 0

/** Makes the inputs and gives a call that computes on them. */
type Maker = (...sizes: number[]) => () => readonly Id[]

const makers: Readonly<Record<string, Maker>> = {
  linear(t, i, o) {
    const [x, w, bias] = [floats(t, i), floats(i, o), floats(o)]
    return () => [e.linear(x, w, bias)]
  },
  linear_input_gradient(t, i, o) {
    const [dy, w] = [floats(t, o), floats(i, o)]
    return () => [e.linearInputGradient(dy, w)]
  },
  linear_weight_gradient(t, i, o) {
    const [x, dy] = [floats(t, i), floats(t, o)]
    return () => [e.linearWeightGradient(x, dy)]
  },
  cross_entropy(t, v, d) {
    const [h, items, y] = [floats(t, d), floats(v, d), ids(t, v)]
    return () => Array.from(e.crossEntropy(h, items, y, 0))
  },
  attention(b, l, d) {
    const [q, k, v, offsets] = [floats(b * l, d), floats(b * l, d), floats(b * l, d), segments(b, l)]
    return () => [e.attention(q, k, v, offsets, offsets, 1, 0, 0, 0)[0]]
  },
  attention_gradient(b, l, d) {
    const [q, k, v, dy, offsets] = [floats(b * l, d), floats(b * l, d), floats(b * l, d), floats(b * l, d), segments(b, l)]
    const [y, lse] = Array.from(e.attention(q, k, v, offsets, offsets, 1, 0, 0, 0))
    return () => Array.from(e.attentionGradient(q, k, v, y, lse, dy, offsets, offsets, 1, 0, 0, 0))
  },
  top_k(b, v, d, k) {
    const [vectors, items, offsets] = [floats(b, d), floats(v, d), segments(b, 1)]
    const [none, nothing] = [ints(new Int32Array()), ints(new Int32Array(b + 1))]
    return () => [e.topK(vectors, offsets, items, k, none, nothing, 0, 0)[1]]
  },
  softmax(t, d) {
    const x = floats(t, d)
    return () => [e.softmax(x)]
  },
  adam(v, d) {
    const [parameter, first, second] = [0, 1, 2].map(() => e.variable(Uint32Array.of(v, d)))
    e.write(parameter, numbers(v * d))
    const gradient = floats(v, d)
    let step = 0
    return () => {
      step++
      e.adam(parameter, first, second, gradient, 1e-3, 0.9, 0.98, 1e-8, 0, step, 1)
      return [parameter]
    }
  },
  gather(t, v, d) {
    const [table, rows] = [floats(v, d), ids(t, v)]
    return () => [e.gather(table, rows)]
  },
}

e.openScope()
const compute = makers[kernel](...sizes)
const answer = scoped(() => compute().flatMap(sample))
const times = milliseconds(() => scoped(compute), { seconds: 0.5 })
closeSync(file)
report(fociVersion, { ms: times }, answer)

function scoped<R>(body: () => R): R {
  e.openScope()
  const result = body()
  e.closeScope(new Uint32Array())
  return result
}

/** The file's next numbers. */
function numbers(count: number): Float32Array {
  const values = new Float32Array(count)
  readSync(file, values, 0, 4 * count, 4 * read)
  read += count
  return values
}

function floats(...shape: number[]): Id {
  return e.fromFloat32(numbers(shape.reduce((product, extent) => product * extent, 1)), Uint32Array.from(shape))
}

function ids(count: number, below: number): Id {
  return ints(Int32Array.from(numbers(count), (x) => Math.min(below - 1, ((x + 1) / 2) * below)))
}

function ints(list: Int32Array): Id {
  return e.fromInt32(list, Uint32Array.of(list.length))
}

function segments(count: number, length: number): Id {
  return ints(Int32Array.from({ length: count + 1 }, (_, b) => b * length))
}

/** Some elements, evenly spaced. */
function sample(id: Id): number[] {
  const values = e.readFloat32(id)
  return Array.from({ length: Math.min(64, values.length) }, (_, i) => values[Math.floor((i * values.length) / 64)])
}
