import type { Engine } from '../engine/engine.ts'
import { FociError } from '../errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'
import type { Weights } from './build.ts'
import type { Crew } from './crew.ts'
import type { Programs } from './recorded.ts'

/** What a recommender holds of its engine, and its threads. */
export class Held {
  /** The item table with rows of length 1, once it was asked for. */
  normalized?: Tensor
  /** What ranks at one call, where there is such. */
  programs?: Programs
  private readonly engine: Engine
  private readonly variables: Variables
  private readonly busy = new Set<Crew>()
  /** Threads that wait for the next stream. */
  private idle: Crew | undefined
  private open = true

  constructor(engine: Engine, variables: Variables) {
    this.engine = engine
    this.variables = variables
  }

  /** @throws FociError TENSOR_FREED once everything was given back */
  checkOpen(): void {
    if (!this.open) throw disposed()
  }

  /** Threads for one stream; nobody where there are none. @param quantized whether they read item vectors as codes */
  async hire(weights: Weights, quantized: boolean): Promise<Crew | undefined> {
    if (!canWork(this.engine)) return undefined
    const { Crew } = await import('./crew.ts')
    this.checkOpen()
    const crew = this.idle ?? new Crew(this.engine, weights, this.variables, quantized)
    this.idle = undefined
    this.busy.add(crew)
    return crew
  }

  /** Takes threads back: they wait for the next stream, or go where they still rank for one that was left. */
  release(crew: Crew): void {
    if (!this.busy.delete(crew)) return
    if (crew.isBusy || this.idle) crew.dismiss(new FociError('ABORTED', 'The stream was left.', 'Begin another.'))
    else this.idle = crew
  }

  giveBack(): void {
    if (!this.open) return
    this.open = false
    for (const crew of this.idle ? [...this.busy, this.idle] : this.busy) crew.dismiss(disposed())
    this.busy.clear()
    this.programs?.empty()
    if (this.normalized) this.engine.release(this.normalized.id)
    this.variables[Symbol.dispose]()
  }
}

/** The net below recommenders that were never disposed; an engine that was lost has nothing left to give back. */
export const abandoned = new FinalizationRegistry<Held>((held) => {
  try {
    held.giveBack()
  } catch {}
})

const disposed = (): FociError => new FociError('TENSOR_FREED', 'This recommender was disposed.', 'Load it again.')

/** Node 20 starts no thread from TypeScript; browsers and edge workers have others, and the reference engine is one thread's own. */
function canWork({ name }: Engine): boolean {
  return import.meta.url.endsWith('.js') && globalThis.process?.versions?.node !== undefined && name !== 'reference'
}
