import type { Engine } from '../../../src/engine/engine.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import type { Example } from './examples/example.ts'
import type { Sample } from './samples.ts'

/** A call that an engine refuses, and how. */
export type Fault = readonly [code: ErrorCode, title: string, run: (e: Engine) => unknown]

/** What the operations of a topic are held to: the reference's results, numbers worked out by hand, and what they refuse. */
export interface Cases {
  readonly samples: readonly Sample[]
  readonly examples: readonly Example[]
  readonly faults: readonly Fault[]
}
