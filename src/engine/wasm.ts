import { FociError } from '../errors.ts'
import type { Engine, Lifetimes, Operations } from './engine.ts'
import { type Callable, faultError, lostError, memoryError, wrapped } from './faults.ts'

/** What wasm-bindgen generated from the table of operations. */
type Glue = typeof import('../../build/wasm/foci_wasm.js')

/** An instance of the module; a call that ends halfway ends it. */
interface Instance {
  readonly engine: Engine
  lost?: FociError
  /** Set while a call runs. It stays set after one that ended halfway, even where the stack had no room left to say more. */
  busy: boolean
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
  return instance && !instance.lost && !instance.busy ? instance : instantiate()
}

async function instantiate(): Promise<Instance> {
  const { default: _, initSync: __, lastPanic, memoryInUse: memory, ...others } = await initialised()
  const functions: Lifetimes & Operations = { ...others, memory }
  const instance: Instance = { engine: { name: 'wasm', ...functions }, busy: false }
  Object.assign(
    instance.engine,
    wrapped(functions, (call) => guard(instance, call, lastPanic)),
  )
  return instance
}

function guard(instance: Instance, call: Callable, lastPanic: () => string): Callable {
  return (...args) => {
    if (instance.busy) throw lose(instance, lostError('a call before this one ended halfway'))
    instance.busy = true
    try {
      const result = call(...args)
      instance.busy = false
      return result
    } catch (thrown) {
      if (isBroken(thrown)) throw lose(instance, lostError(lastPanic() || thrown.message, thrown))
      instance.busy = false
      throw isFull(thrown) ? memoryError(thrown) : faultError(thrown)
    }
  }
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

/** Whether a call ended halfway: by a trap, or by an exception of the runtime, such as a RangeError at the end of the stack. */
function isBroken(thrown: unknown): thrown is Error {
  const ofRuntime = thrown instanceof Error && ['RangeError', 'InternalError'].includes(thrown.name)
  return thrown instanceof WebAssembly.RuntimeError || (ofRuntime && !isFull(thrown))
}

/** Whether JavaScript had no memory for a copy: only reads ask for it, once the engine is done. */
function isFull(thrown: unknown): thrown is RangeError {
  return thrown instanceof RangeError && /allocation failed/i.test(thrown.message)
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
