import { FociError } from '../errors.ts'
import type { Engine, Lifetimes, Operations } from './engine.ts'
import { type Signature, signatures, type Training } from './operations.ts'
import { type Instance, isLost, supervised } from './wasm-instance.ts'

/** What wasm-bindgen generated from the table of operations, and from the part of it that inference needs. */
type Whole = typeof import('../../build/wasm/foci_wasm.js')
type Inference = typeof import('../../build/wasm-inference/foci_wasm.js')

/** One of the two modules, with its glue: each copy of the glue holds one instance. */
interface Build<Glue extends Whole | Inference> {
  readonly folder: string
  readonly glue: URL
  readonly module: URL
  importFirst(): Promise<Glue>
  functions(glue: Glue): Lifetimes & Operations
  instances: number
  current?: Promise<Instance>
}

const whole: Build<Whole> = {
  folder: 'build/wasm',
  glue: new URL('../../build/wasm/foci_wasm.js', import.meta.url),
  module: new URL('../../build/wasm/foci_wasm_bg.wasm', import.meta.url),
  importFirst: () => import('../../build/wasm/foci_wasm.js'),
  functions: ({ default: _, initSync: __, lastPanic: ___, memoryInUse: memory, ...others }) => ({ ...others, memory }),
  instances: 0,
}

const inference: Build<Inference> = {
  folder: 'build/wasm-inference',
  glue: new URL('../../build/wasm-inference/foci_wasm.js', import.meta.url),
  module: new URL('../../build/wasm-inference/foci_wasm_bg.wasm', import.meta.url),
  importFirst: () => import('../../build/wasm-inference/foci_wasm.js'),
  functions: ({ default: _, initSync: __, lastPanic: ___, memoryInUse: memory, ...others }) => ({ ...refused(), ...others, memory }),
  instances: 0,
}

export interface WasmOptions {
  /** Takes the smaller module, which serves but cannot train: no gradients, losses and optimisers. */
  readonly inference?: boolean
}

/**
 * The engine of this thread, in WebAssembly: one instance of each module, and a fresh one where ENGINE_LOST ended the last.
 * @throws FociError ENGINE_MISSING where the module does not load
 */
export function loadWasm(options: WasmOptions = {}): Promise<Engine> {
  return options.inference ? load(inference) : load(whole)
}

async function load<Glue extends Whole | Inference>(build: Build<Glue>): Promise<Engine> {
  build.current = living(build, build.current)
  return (await build.current).engine
}

async function living<Glue extends Whole | Inference>(build: Build<Glue>, before: Promise<Instance> | undefined): Promise<Instance> {
  const instance = await before?.catch(() => undefined)
  if (instance && !isLost(instance)) return instance
  const glue = await initialised(build)
  return supervised(build.functions(glue), () => glue.lastPanic())
}

async function initialised<Glue extends Whole | Inference>(build: Build<Glue>): Promise<Glue> {
  try {
    const glue = await importGlue(build)
    await glue.default({ module_or_path: moduleSource(build.module) })
    return glue
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const hint = `Run npm run build, and serve ${build.folder} beside the code.`
    throw new FociError('ENGINE_MISSING', `The WebAssembly engine does not load: ${reason}`, hint, { cause })
  }
}

/** The glue holds one instance; a second needs a second copy of it, which a query makes. */
async function importGlue<Glue extends Whole | Inference>(build: Build<Glue>): Promise<Glue> {
  build.instances += 1
  if (build.instances === 1) return build.importFirst()
  const copy = new URL(build.glue)
  copy.search = `instance=${build.instances}`
  return import(/* @vite-ignore */ copy.href)
}

/** The module's bytes where files are read (Node, Deno, Bun), else a request for them. */
function moduleSource(url: URL): BufferSource | Promise<Response> {
  // Asked of the process, so that bundles for browsers import nothing of Node.
  const files = globalThis.process?.getBuiltinModule?.('node:fs')
  return files && url.protocol === 'file:' ? files.readFileSync(url) : fetch(url)
}

/** The operations that the build for inference lacks, as functions that say so. */
function refused(): Pick<Operations, Training> {
  const refuse = (name: string) => () => {
    const message = `${name} is an operation of training, which the build for inference (build/wasm-inference) leaves out.`
    throw new FociError('NEED', message, 'Take the whole engine: loadWasm() without { inference: true }, or the native one.')
  }
  const training = Object.entries<Signature>(signatures).filter(([, signature]) => signature.training)
  return Object.fromEntries(training.map(([name]) => [name, refuse(name)])) as unknown as Pick<Operations, Training>
}
