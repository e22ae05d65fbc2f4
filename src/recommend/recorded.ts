import type { Engine } from '../engine/engine.ts'
import { type Program, programOf } from '../engine/program.ts'
import type { Encoder } from '../models/contracts.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import { bestOf, type Ranked, type RankRequest } from './ranking.ts'

/** Of whom a program is recorded: what it does depends on nobody. */
const somebody = { values: Int32Array.of(0), offsets: Int32Array.of(0, 1) }

/** Programs that are kept: one for each number of items that is asked for. */
const KEPT = 16

/** Ranks as `rankItems` does, with an encoder on the native engine, by programs: a ranking is one call. */
export class Programs {
  private readonly engine: Engine
  private readonly model: Encoder
  private readonly quantized: Tensor | undefined
  private readonly programs = new Map<string, Program | undefined>()

  /** @param quantized codes of the encoder's items */
  constructor(engine: Engine, model: Encoder, quantized?: Tensor) {
    this.engine = engine
    this.model = model
    this.quantized = quantized
  }

  /** Undefined where the encoder looks at values while it encodes. */
  rank(request: RankRequest): Ranked | undefined {
    const program = this.of(request)
    return program && rankedOf(program.runHere(inputsOf(request)))
  }

  /** The same on the engine's own threads, for requests with the same `k`, all with masks of allowed items or none. */
  ranker(like: Pick<RankRequest, 'k' | 'allowed'>): ((request: RankRequest) => Promise<Ranked>) | undefined {
    const program = this.of(like)
    return program && (async (request) => rankedOf(await program.run(inputsOf(request))))
  }

  /** Lets the weights go that programs hold. */
  empty(): void {
    for (const program of this.programs.values()) program?.empty()
    this.programs.clear()
  }

  private of({ k, allowed }: Pick<RankRequest, 'k' | 'allowed'>): Program | undefined {
    const key = `${k} ${allowed !== undefined}`
    const known = this.programs.get(key)
    if (known || this.programs.has(key)) return known
    if (this.programs.size === KEPT) this.programs.clear() // a stream may still use one of them
    const made = this.record(k, allowed)
    this.programs.set(key, made)
    return made
  }

  private record(k: number, allowed: Int32Array | undefined): Program | undefined {
    const { engine, model, quantized } = this
    return scope(engine, () => {
      const inputs = inputsOf({ histories: somebody, seen: somebody, k, allowed }).map((list) => Tensor.int32(engine, list))
      const [items, offsets, seen, seenOffsets, mask] = inputs
      const masks = { seen, seenOffsets, allowed: mask }
      const ids = inputs.map(({ id }) => id)
      return programOf(ids, () => Array.from(bestOf(engine, model, { items, offsets }, k, masks, quantized)))
    })
  }
}

function inputsOf({ histories, seen, allowed }: RankRequest): Int32Array[] {
  const lists = [histories.values, histories.offsets, seen.values, seen.offsets]
  return allowed ? [...lists, allowed] : lists
}

function rankedOf(results: readonly (Int32Array | Float32Array)[]): Ranked {
  const [items, scores, interests] = results as [Int32Array, Float32Array, Int32Array]
  return { items, scores, interests }
}
