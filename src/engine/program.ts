import type { ProgramOutcome } from '../../build/native/index.d.ts'
import type { Id } from './engine.ts'
import { faultError } from './faults.ts'
import { loadAddon } from './native.ts'

/** What was done once, to be done again on other inputs: at one call, or by the addon's own threads, as many as its pool has. */
export interface Program {
  /** Lets its weights go. It is of no use then. */
  empty(): void
  /** The values of the outputs for other inputs, at once. @throws FociError as the operations do */
  runHere(inputs: readonly Int32Array[]): readonly (Int32Array | Float32Array)[]
  /**
   * The same by the thread that is free first. The inputs may be used again at once.
   * @throws FociError as the operations do
   */
  run(inputs: readonly Int32Array[]): Promise<readonly (Int32Array | Float32Array)[]>
}

/**
 * The program of what `body` does on the native engine, in the current scope.
 * @param inputs i32 tensors that differ between runs
 * @param body gives its outputs
 * @returns undefined where it reads or brings in values: they could differ too
 */
export function programOf(inputs: readonly Id[], body: () => readonly Id[]): Program | undefined {
  const addon = loadAddon()
  let outputs: readonly Id[] = []
  const end = () => addon.endProgram(Uint32Array.from(outputs))
  addon.beginProgram(Uint32Array.from(inputs))
  try {
    outputs = body()
  } catch (error) {
    end()
    throw error
  }
  const program = end()
  if (!program) return undefined
  return {
    run: async (values) => valuesOf(await program.run(values as Int32Array[])),
    empty: () => program.empty(),
    runHere: (values) => {
      try {
        return program.runHere(values as Int32Array[])
      } catch (thrown) {
        throw faultError(thrown)
      }
    },
  }
}

function valuesOf({ values, code, message = '' }: ProgramOutcome): readonly (Int32Array | Float32Array)[] {
  if (values) return values
  throw faultError(Object.assign(new Error(message), { code }))
}
