import { lostError } from './faults.ts'
import { type Addon, loadAddon } from './native.ts'

/** What the addon does with logs, lists and their files; `src/read`, `src/files`, `src/artefact` and `src/cli/batch` do the same without it. */
export type LogAddon = Pick<
  Addon,
  'ListLines' | 'LockFile' | 'Sha256' | 'TextNumbers' | 'readCsv' | 'readJson' | 'readRecords' | 'sortRows'
>

let addon: LogAddon | undefined | null

/** Undefined where no addon loads, or `FOCI_ENGINE` is `wasm`. */
export function logAddon(): LogAddon | undefined {
  if (process.env.FOCI_ENGINE === 'wasm') return undefined
  addon ??= loaded()
  return addon ?? undefined
}

function loaded(): LogAddon | null {
  try {
    return loadAddon()
  } catch {
    return null
  }
}

/** What these functions throw is a panic, which is a bug of ours; anything else as it is. */
export function logError(thrown: unknown): unknown {
  const ofAddon = thrown instanceof Error && 'code' in thrown && thrown.code === 'GenericFailure'
  return ofAddon ? lostError(thrown.message, thrown) : thrown
}
