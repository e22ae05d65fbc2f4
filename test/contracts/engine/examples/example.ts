import type { Engine, Id, Ids, Operations } from '../../../../src/engine/engine.ts'

/** A call small enough to be worked out by hand, and what it gives. */
export interface Example {
  readonly op: keyof Operations
  readonly title: string
  readonly run: (e: Engine) => Ids
  readonly gives: readonly (readonly number[])[]
}

export const real = (e: Engine, ...values: number[]): Id => e.fromFloat32(Float32Array.from(values), Uint32Array.of(values.length))
export const ints = (e: Engine, ...values: number[]): Id => e.fromInt32(Int32Array.from(values), Uint32Array.of(values.length))
export const scalar = (e: Engine, value: number): Id => e.fromFloat32(Float32Array.of(value), new Uint32Array())
export const matrix = (e: Engine, ...rows: number[][]): Id =>
  e.fromFloat32(Float32Array.from(rows.flat()), Uint32Array.of(rows.length, rows[0].length))
/** A variable of rows of two. */
export const variable = (e: Engine, ...values: number[]): Id => {
  const id = e.variable(Uint32Array.of(values.length / 2, 2))
  e.write(id, Float32Array.from(values))
  return id
}

/** An example with one result. */
export const one = (op: Example['op'], title: string, run: (e: Engine) => Id, gives: readonly number[]): Example => ({
  op,
  title,
  run: (e) => [run(e)],
  gives: [gives],
})

export function empty(e: Engine, rows: number, width: number): Id {
  return e.fromFloat32(new Float32Array(), Uint32Array.of(rows, width))
}

/** Attention without dropout. */
export function attend(e: Engine, q: Id, k: Id, v: Id, queries: number[], offsets: number[], heads: number): Ids {
  return e.attention(q, k, v, ints(e, ...queries), ints(e, ...offsets), heads, 0, 0, 0)
}
