/**
 * The oracle: every operation in plain f64 arrays, slowly and legibly, each by the formula of its docstring in
 * src/engine/operations.ts. The engines are compared with it, finite differences are taken on it, and models run on it in tests.
 */
import type { Engine, Id } from '../../src/engine/engine.ts'
import { Arena } from './reference/arena.ts'
import { attend } from './reference/attend.ts'
import { attention } from './reference/attention.ts'
import { columns } from './reference/columns.ts'
import { descent } from './reference/descent.ts'
import { elementwise } from './reference/elementwise.ts'
import { losses } from './reference/losses.ts'
import { maxLosses } from './reference/max-losses.ts'
import { optimisers } from './reference/optimisers.ts'
import { products } from './reference/products.ts'
import { recent } from './reference/recent.ts'
import { recurrent } from './reference/recurrent.ts'
import { rows } from './reference/rows.ts'
import { scans } from './reference/scans.ts'
import { segments } from './reference/segments.ts'
import { selection } from './reference/selection.ts'
import { tables } from './reference/tables.ts'

export interface Reference extends Engine {
  /** A copy of the values, not rounded to f32. */
  values(id: Id): Float64Array
  /** A tensor of values that are not rounded to f32. */
  fromFloat64(data: Float64Array, shape: ArrayLike<number>): Id
}

/** A new reference engine. It shares nothing with others but frozen weights. */
export function loadReference(): Reference {
  const arena = new Arena()
  return {
    name: 'reference',
    openScope: () => arena.openScope(),
    closeScope: (kept) => arena.closeScope(kept),
    release: (id) => arena.release(id),
    fromFloat32: (data, shape) => arena.fromFloat32(data, shape),
    fromFloat64: (data, shape) => arena.fromFloat64(data, shape),
    fromInt32: (data, shape) => arena.fromInt32(data, shape),
    variable: (shape) => arena.variable(shape),
    write: (variable, data) => arena.write(variable, data),
    frozen: (artefact, name) => arena.frozen(artefact, name),
    freeze: (artefact, name, data, shape) => arena.freeze(artefact, name, data, shape),
    freezeTensor: (artefact, name, id) => arena.freezeTensor(artefact, name, id),
    shape: (id) => arena.shape(id),
    values: (id) => arena.values(id),
    readFloat32: (id) => arena.readFloat32(id),
    readInt32: (id) => arena.readInt32(id),
    memory: () => arena.memory(),
    instructions: () => arena.instructions(),
    threads: () => arena.threads(),
    setThreads: () => arena.setThreads(),
    usePrecision: (precision) => arena.usePrecision(precision),
    workAlone: () => arena.workAlone(),
    multiplyAdds: (rounds) => arena.multiplyAdds(rounds),
    ...elementwise(arena),
    ...rows(arena),
    ...columns(arena),
    ...products(arena),
    ...tables(arena),
    ...segments(arena),
    ...attend(arena),
    ...attention(arena),
    ...scans(arena),
    ...recurrent(arena),
    ...losses(arena),
    ...maxLosses(arena),
    ...selection(arena),
    ...optimisers(arena),
    ...recent(arena),
    ...descent(arena),
  }
}
