import type { Columns } from '../data/table-columns.ts'
import { checkUnique, holds } from './catalogue-tensors.ts'
import { columnTensors, readColumns } from './column-tensors.ts'
import type { RawTensors } from './tensors.ts'
import { type NamedTensor, readTexts, textTensors } from './text-tensors.ts'
import { damaged, unfit } from './unsound.ts'

/** Those whom a model knows by name, by index, and what it reads of them. Only artefacts of models that read users have them. */
export interface Users {
  readonly ids: readonly string[]
  readonly columns?: Columns
}

const COLUMNS = 'users.columns'
const IDS = 'the user ids'

/** The users as an artefact keeps them: of their columns those that the model reads. */
export function keptUsers(ids: readonly string[], columns: Columns, names: readonly string[]): Users {
  const kept = Object.entries(columns).filter(([name]) => names.includes(name))
  return { ids, ...(kept.length > 0 && { columns: Object.fromEntries(kept) }) }
}

/** `users.bytes` and `users.offsets` [U + 1] hold the ids; columns follow (column-tensors.ts). */
export function userTensors({ ids, columns }: Users): NamedTensor[] {
  checkUnique(ids, 'user', unfit)
  return [...textTensors('users', ids, IDS), ...(columns ? columnTensors(COLUMNS, columns, ids.length) : [])]
}

/** The way back, which checks everything. Undefined where there are none. */
export function readUsers(tensors: RawTensors): Users | undefined {
  if (!holds(tensors, 'users.')) return undefined
  const ids = readTexts(tensors, 'users', IDS)
  checkUnique(ids, 'user', damaged)
  const columns = holds(tensors, `${COLUMNS}.`) ? readColumns(tensors, COLUMNS, ids.length) : undefined
  return { ids, ...(columns && { columns }) }
}
