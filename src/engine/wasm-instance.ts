import type { FociError } from '../errors.ts'
import type { Engine, Lifetimes, Operations } from './engine.ts'
import { type Callable, faultError, lostError, memoryError, wrapped } from './faults.ts'

/** An instance of a module; a call that ends halfway ends it. */
export interface Instance {
  readonly engine: Engine
  lost?: FociError
  /** Set while a call runs. It stays set after one that ended halfway, even where the stack had no room left to say more. */
  busy: boolean
}

export const isLost = ({ lost, busy }: Instance): boolean => lost !== undefined || busy

/** @param lastPanic what the panic said that ended the instance, or '' */
export function supervised(functions: Lifetimes & Operations, lastPanic: () => string): Instance {
  const instance: Instance = { engine: { name: 'wasm', ...functions }, busy: false }
  const supervisedFunctions = wrapped(functions, (call) => guarded(instance, call, lastPanic))
  Object.assign(instance.engine, supervisedFunctions)
  return instance
}

function guarded(instance: Instance, call: Callable, lastPanic: () => string): Callable {
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
