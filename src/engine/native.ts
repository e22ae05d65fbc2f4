import { createRequire } from 'node:module'
import { FociError } from '../errors.ts'
import type { Engine, Lifetimes, Operations } from './engine.ts'
import { type Callable, faultError, wrapped } from './faults.ts'

/** What napi-rs generated from the table of operations. */
export type Addon = typeof import('../../build/native/index.d.ts')

let engine: Engine | undefined
let addon: Addon | undefined

/**
 * The engine of this thread, from the addon of a local build or of the platform package. After ENGINE_LOST, loading
 * again starts it afresh: every earlier id is then a freed one.
 * @throws FociError ENGINE_MISSING where neither loads
 */
export function loadNative(): Engine {
  if (addon && engine) {
    if (isLost(addon)) addon.reset()
    return engine
  }
  addon = loadAddon()
  // Without those of `log.ts` and `program.ts`
  const {
    FileRows,
    ListLines,
    LockFile,
    Sha256,
    TextNumbers,
    readCsv,
    readJson,
    readRecords,
    sortRows,
    Program,
    beginProgram,
    endProgram,
    ...operations
  } = addon
  const functions: Lifetimes & Operations = wrapped(operations, guarded)
  engine = { name: 'native', ...functions }
  return engine
}

function guarded(call: Callable): Callable {
  return (...args) => {
    try {
      return call(...args)
    } catch (thrown) {
      throw faultError(thrown)
    }
  }
}

function isLost({ memory }: Addon): boolean {
  try {
    memory()
    return false
  } catch {
    return true
  }
}

/** @throws FociError ENGINE_MISSING where none loads */
export function loadAddon(): Addon {
  const require = createRequire(import.meta.url)
  const failures: string[] = []
  for (const candidate of candidates()) {
    try {
      return require(candidate)
    } catch (error) {
      failures.push(`${candidate} (${reason(error)})`)
    }
  }
  const hint = 'Install without --omit=optional on a supported platform, or run npm run build; FOCI_ENGINE=wasm works everywhere.'
  throw new FociError('ENGINE_MISSING', `No native engine loads here; tried ${failures.join(', ')}`, hint)
}

/** The local build, for it is told quickly whether there is one, then the platform package; on Linux whichever C library fits. */
function candidates(): string[] {
  const { platform, arch } = process
  const abis: Partial<Record<NodeJS.Platform, string[]>> = { linux: ['-gnu', '-musl'], win32: ['-msvc'] }
  const names = (abis[platform] ?? ['']).map((abi) => `${platform}-${arch}${abi}`)
  return [...names.map((name) => `../../build/native/foci.${name}.node`), ...names.map((name) => `foci-${name}`)]
}

function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return 'not installed'
  return error instanceof Error ? error.message.split('\n', 1)[0] : String(error)
}
