import { FociError } from '../errors.ts'
import type { Engine } from './engine.ts'
import { loadWasm } from './wasm.ts'

const SENSIBLE: Readonly<Record<string, { readonly form: RegExp; readonly hint: string }>> = {
  FOCI_THREADS: { form: /^([1-9]\d?|[1-4]\d\d|50\d|51[0-2])$/, hint: 'Set it to a number of threads from 1 to 512, or leave it out.' },
  FOCI_PROFILE: { form: /^[01]$/, hint: 'Set it to 1 to see where the time of training goes, or leave it out.' },
  FOCI_SIMD: { form: /^(portable|avx2|avx512)$/, hint: 'Set it to portable, avx2 or avx512, or leave it out.' },
}

/**
 * The engine of this thread: native where it loads, else WebAssembly. `FOCI_ENGINE=native` or `wasm` takes that one.
 * `FOCI_THREADS` sizes its pool, `FOCI_SIMD=portable`, `avx2` or `avx512` picks the instruction set, `FOCI_PROFILE=1` times
 * training by op.
 * @throws FociError ENGINE_MISSING, naming what was tried; OPTION for a variable that says nothing sensible
 */
export async function selectEngine(): Promise<Engine> {
  for (const variable of Object.keys(SENSIBLE)) checkVariable(variable)
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

function checkVariable(name: string): void {
  const value = globalThis.process?.env?.[name]
  const { form, hint } = SENSIBLE[name]
  if (value && !form.test(value)) throw new FociError('OPTION', `${name} is "${value}".`, hint)
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
