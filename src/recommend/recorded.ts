import type { Engine } from '../engine/engine.ts'
import { type Program, programOf } from '../engine/program.ts'
import type { Best } from '../models/contracts.ts'
import type { BuiltModel } from '../models/define.ts'
import { type ColumnName, columnNames, packed } from '../models/pack.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import type { Ranked, RankRequest } from './ranking.ts'

/** Programs that are kept: one for each number of items that is asked for. */
const KEPT = 16

/** Ranks as `rankItems` does, with a model that searches on the native engine, by programs: a ranking is one call. */
export class Programs {
  private readonly engine: Engine
  private readonly built: BuiltModel
  private readonly names: readonly ColumnName[]
  private readonly programs = new Map<string, Program | undefined>()

  constructor(engine: Engine, built: BuiltModel) {
    this.engine = engine
    this.built = built
    this.names = columnNames(built.needs)
  }

  /** Undefined where the model has no search, or looks at values while it ranks. */
  rank(request: RankRequest): Ranked | undefined {
    const program = this.of(request)
    return program && rankedOf(program.runHere(this.inputsOf(request)))
  }

  /** The same on the engine's own threads, for requests with the same `k`, all with masks of allowed items or none. */
  ranker(like: Pick<RankRequest, 'k' | 'allowed'>): ((request: RankRequest) => Promise<Ranked>) | undefined {
    const program = this.of(like)
    return program && (async (request) => rankedOf(await program.run(this.inputsOf(request))))
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

  /** What a ranking does for one user of one event depends on nobody, but for what the model looks at. */
  private record(k: number, allowed: Int32Array | undefined): Program | undefined {
    const { engine, names } = this
    const { model } = this.built
    if (!model.best) return undefined
    return scope(engine, () => {
      const somebody = names.map((name) => (name === 'offsets' ? Int32Array.of(0, 1) : Int32Array.of(0)))
      const lists = [...somebody, Int32Array.of(0), Int32Array.of(0, 1), ...(allowed ? [allowed] : [])]
      const inputs = lists.map((list) => Tensor.int32(engine, list))
      const [seen, seenOffsets, mask] = inputs.slice(names.length)
      const { histories, at } = packed(Object.fromEntries(names.map((name, i) => [name, inputs[i]])))
      const ids = inputs.map(({ id }) => id)
      return programOf(ids, () => {
        const found = model.best?.(histories, at, k, { seen, seenOffsets, allowed: mask })
        const { items, scores, interests } = found as Best
        return [items, scores, ...(interests ? [interests] : [])].map(({ id }) => id)
      })
    })
  }

  /** In the order of the recording. */
  private inputsOf({ columns, seen, allowed }: RankRequest): Int32Array[] {
    const lists = [...this.names.map((name) => columns[name] as Int32Array), seen.values, seen.offsets]
    return allowed ? [...lists, allowed] : lists
  }
}

function rankedOf(results: readonly (Int32Array | Float32Array)[]): Ranked {
  const [items, scores, interests] = results as [Int32Array, Float32Array, Int32Array | undefined]
  return { items, scores, interests: interests ?? items.map((item) => (item < 0 ? -1 : 0)) }
}
