import { FociError } from '../errors.ts'
import type { Engine } from './engine.ts'
import { loadWasm } from './wasm.ts'

/**
 * The engine of this thread: native where it loads, else WebAssembly. `FOCI_ENGINE=native` or `wasm` takes that one.
 * @throws FociError ENGINE_MISSING, naming what was tried
 */
export async function selectEngine(): Promise<Engine> {
  const asked = globalThis.process?.env?.FOCI_ENGINE
  switch (asked) {
    case undefined:
    case '':
      return firstEngine()
    case 'native':
      return importNative()
    case 'wasm':
      return loadWasm()
    default:
      throw new FociError('ENGINE_MISSING', `FOCI_ENGINE is "${asked}", which is no engine`, 'Set it to native or wasm, or leave it out.')
  }
}

async function firstEngine(): Promise<Engine> {
  const failures: string[] = []
  for (const load of [importNative, loadWasm]) {
    try {
      return await load()
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
    }
  }
  throw new FociError('ENGINE_MISSING', failures.join('; '), 'Run npm run build, or install foci again for this platform.')
}

/** Imported only here: browsers have no addons. */
async function importNative(): Promise<Engine> {
  const { loadNative } = await import('./native.ts')
  return loadNative()
}
