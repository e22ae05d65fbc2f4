import { type ErrorCode, FociError } from '../errors.ts'

/** The faults of `crates/engine/src/fault.rs`, as errors and with what to do about them. */
const faults: Readonly<Record<string, { code: ErrorCode; hint: string }>> = {
  SHAPE: { code: 'SHAPE', hint: 'Compare the shapes in the message with the ones that the operation documents.' },
  FREED: { code: 'TENSOR_FREED', hint: 'A tensor lives until its scope ends: return it from the scope, or read its values inside.' },
  NO_SCOPE: { code: 'NO_SCOPE', hint: 'Make tensors inside scope(() => …), and read out of the outermost one what must outlive it.' },
  RANGE: { code: 'RANGE', hint: 'Check the ids, offsets and options that were passed against the sizes in the message.' },
  NON_FINITE: { code: 'NON_FINITE', hint: 'Lower the learning rate, or look for extreme values in the input.' },
  MEMORY: { code: 'MEMORY', hint: 'Use smaller batches or a smaller model, or give the process more memory.' },
  ENGINE_LOST: { code: 'ENGINE_LOST', hint: 'This is a bug in foci, please report the message; load the engine again to go on.' },
}

/** The FociError of what a binding threw; anything but a fault comes back as it is. */
export function faultError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !('code' in thrown) || typeof thrown.code !== 'string') return thrown
  const fault = faults[thrown.code]
  return fault ? new FociError(fault.code, thrown.message, fault.hint, { cause: thrown }) : thrown
}

/** An engine that met a bug of its own: `reason` is what its panic said. */
export function lostError(reason: string, cause?: unknown): FociError {
  return new FociError('ENGINE_LOST', reason, faults.ENGINE_LOST.hint, { cause })
}

/** JavaScript had no memory for what an engine gives it. */
export function memoryError(cause: Error): FociError {
  return new FociError('MEMORY', cause.message, faults.MEMORY.hint, { cause })
}

export type Callable = (...args: readonly unknown[]) => unknown

/** A binding with each of its functions wrapped, by name. */
export function wrapped<Binding extends object>(binding: Binding, wrap: (call: Callable, name: string) => Callable): Binding {
  const functions = Object.entries(binding).filter((entry): entry is [string, Callable] => typeof entry[1] === 'function')
  return Object.fromEntries(functions.map(([name, call]) => [name, wrap(call, name)])) as Binding
}
