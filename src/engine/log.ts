import { type Addon, loadAddon } from './native.ts'

/** What the addon does with a log's rows; `src/data` does the same without it. */
export type LogAddon = Pick<Addon, 'TextNumbers' | 'readCsv' | 'sortRows'>

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
