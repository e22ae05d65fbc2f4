import { FociError } from '../errors.ts'
import type { Engine, Lifetimes, Operations } from './engine.ts'
import { faultError, guarded, lostError } from './faults.ts'

/** What wasm-bindgen generated from the table of operations. */
type Glue = typeof import('../../build/wasm/foci_wasm.js')

/** An instance of the module; a trap ends it. */
interface Instance {
  readonly engine: Engine
  lost?: FociError
}

let current: Promise<Instance> | undefined
let instances = 0

/**
 * The engine of this thread, in WebAssembly: one instance, and a fresh one where ENGINE_LOST ended the last.
 * @throws FociError ENGINE_MISSING where the module does not load
 */
export async function loadWasm(): Promise<Engine> {
  current = living(current)
  return (await current).engine
}

async function living(before: Promise<Instance> | undefined): Promise<Instance> {
  const instance = await before?.catch(() => undefined)
  return instance && !instance.lost ? instance : instantiate()
}

async function instantiate(): Promise<Instance> {
  const { default: _, initSync: __, lastPanic, memoryInUse: memory, ...others } = await initialised()
  const functions: Lifetimes & Operations = { ...others, memory }
  const translate = (thrown: unknown) => {
    if (!(thrown instanceof WebAssembly.RuntimeError)) return faultError(thrown)
    return lose(instance, lostError(lastPanic() || thrown.message, thrown))
  }
  const instance: Instance = { engine: { name: 'wasm', ...guarded(functions, translate) } }
  return instance
}

async function initialised(): Promise<Glue> {
  try {
    const glue = await importGlue()
    await glue.default({ module_or_path: moduleSource() })
    return glue
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const hint = 'Run npm run build, and serve build/wasm beside the code.'
    throw new FociError('ENGINE_MISSING', `The WebAssembly engine does not load: ${reason}`, hint, { cause })
  }
}

/** The glue holds one instance; a second needs a second copy of it, which a query makes. */
async function importGlue(): Promise<Glue> {
  instances += 1
  if (instances === 1) return import('../../build/wasm/foci_wasm.js')
  const copy = new URL('../../build/wasm/foci_wasm.js', import.meta.url)
  copy.search = `instance=${instances}`
  return import(/* @vite-ignore */ copy.href)
}

/** No call enters a trapped instance again. */
function lose(instance: Instance, lost: FociError): FociError {
  instance.lost = lost
  const refuse = () => {
    throw lost
  }
  const functions = Object.keys(instance.engine).filter((name) => name !== 'name')
  Object.assign(instance.engine, Object.fromEntries(functions.map((name) => [name, refuse])))
  return lost
}

/** The module's bytes where files are read (Node, Deno, Bun), else a request for them. */
function moduleSource(): BufferSource | Promise<Response> {
  const url = new URL('../../build/wasm/foci_wasm_bg.wasm', import.meta.url)
  // Asked of the process, so that bundles for browsers import nothing of Node.
  const files = globalThis.process?.getBuiltinModule?.('node:fs')
  return files && url.protocol === 'file:' ? files.readFileSync(url) : fetch(url)
}
