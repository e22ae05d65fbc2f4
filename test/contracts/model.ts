import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Artefact, readArtefact } from '../../src/artefact/artefact.ts'
import { catalogueOf } from '../../src/data/catalogue.ts'
import type { Interactions } from '../../src/data/interactions.ts'
import { mix } from '../../src/data/random.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { loadNative } from '../../src/engine/native.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
import type { BuiltModel, ModelSpec } from '../../src/models/define.ts'
import type { Columns } from '../../src/models/pack.ts'
import { definitions } from '../../src/models/registry.ts'
import type { Training } from '../../src/models/training.ts'
import { buildModel } from '../../src/recommend/build.ts'
import { type Ranked, rankItems, scoreItems } from '../../src/recommend/ranking.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import type { Request } from '../../src/recommend/request.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'

/** Items of each of the world's two rings. */
const RING = 20
const V = 2 * RING

/** Users who walk along one of two rings of items that never mix, so the next item is known; `tail` moves each user's last. */
export function twoRings({ users = 128, length = 12, tail = 0 } = {}): Interactions {
  const walks = Array.from({ length: users }, (_, u) => {
    const [ring, start] = [u % 2, mix(u) % RING]
    const at = (t: number): number => ring * RING + ((start + t) % RING)
    return Array.from({ length }, (_, t) => (t < length - 1 ? at(t) : (at(t) + tail) % V))
  })
  return logOf(walks, `two rings, ${users}, ${length}, ${tail}`)
}

/** A log of V items without times. */
export function logOf(walks: readonly (readonly number[])[], hash: string): Interactions {
  const offsets = new Int32Array(walks.length + 1)
  for (let u = 0; u < walks.length; u++) offsets[u + 1] = offsets[u] + walks[u].length
  return {
    users: walks.map((_, u) => `user-${u}`),
    catalogue: catalogueOf(Array.from({ length: V }, (_, i) => `item-${i}`)),
    offsets,
    items: Int32Array.from(walks.flat()),
    times: Float64Array.from(walks.flatMap((walk) => [...walk.keys()])),
    unit: 'ordinal',
    roles: {},
    skipped: {},
    hash,
  }
}

export interface ModelCase {
  /** What it is to find: a log in which the next item is known to who sees through it. */
  readonly world?: Interactions
  /** The least mean reciprocal rank of the last items, by a model that sees through the world; undefined where it cannot. */
  readonly hits?: number
  /** A simpler model, which does not: at most so much. */
  readonly twin?: { readonly spec: ModelSpec; readonly hits: number }
  readonly training?: Partial<Training>
}

const covered = new Set<string>()

/** After all models were described: none of the registry is left out. */
export function checkCoverage(): void {
  it('covers every model of the registry', () => {
    expect([...covered].sort()).toEqual(definitions.map(({ name }) => name).sort())
  })
}

/** What every model of the registry must do. */
export function describeModel(spec: ModelSpec, { world = twoRings(), hits, twin, training }: ModelCase): void {
  covered.add(spec.definition.name)
  const job = (engine: Engine, log: Interactions, model = spec) => {
    const settings = { ...defaults, ...model.definition.training, epochs: 25, batch: 16, learningRate: 0.01, ...training, model }
    return runJob(
      engine,
      { log, settings: { ...settings, given: { epochs: 25, batch: 16, learningRate: 0.01, ...training } }, resume: false },
      {},
    )
  }
  const found = async (model: ModelSpec): Promise<number> => (await job(loadNative(), world, model)).report[0].metrics['mrr@10'].mean

  describe(`the model ${spec.definition.name}`, () => {
    it.runIf(hits !== undefined)('finds a planted structure', async () => {
      expect(await found(spec)).toBeGreaterThan(hits ?? 1)
    })

    it.runIf(twin !== undefined)(`finds it where ${twin?.spec.definition.name}, its simpler twin, does not`, async () => {
      expect(await found(twin?.spec ?? spec)).toBeLessThan(twin?.hits ?? 0)
    })

    it('ignores what follows the cut', async () => {
      const weights = async (tail: number) => (await readArtefact((await job(loadNative(), twoRings({ tail }))).artefact)).tensors
      expect(await weights(5)).toEqual(await weights(0))
    })

    it('gives equal bytes for equal training', async () => {
      const [a, b] = [await job(loadNative(), twoRings()), await job(loadNative(), twoRings())]
      expect(Buffer.compare(a.artefact, b.artefact)).toBe(0)
    })

    describe('in an artefact', () => {
      const log = twoRings()
      /** Of each length from none to seven, and each several times. */
      const users = Array.from({ length: 64 }, (_, u) => [...log.items.subarray(log.offsets[u], log.offsets[u] + (u % 8))])
      let artefact: Artefact
      let native: BuiltModel
      let wasm: BuiltModel
      beforeAll(async () => {
        artefact = await readArtefact((await job(loadNative(), log)).artefact)
        native = buildModel(loadNative(), artefact)
        wasm = buildModel(await loadWasm(), artefact)
      })
      afterAll(() => {
        for (const { variables } of [native, wasm]) variables[Symbol.dispose]()
      })
      const rank = (engine: Engine, built: BuiltModel, lists: readonly (readonly number[])[], k = 10): Ranked =>
        rankItems(engine, built, { columns: columnsOf(lists), k, seen: none(lists.length) })

      it('gives many users at once the bits that each gets alone', () => {
        const together = rank(loadNative(), native, users)
        for (const [u, user] of users.entries()) {
          const alone = rank(loadNative(), native, [user])
          expect(alone.items).toEqual(together.items.slice(u * 10, (u + 1) * 10))
          expect(alone.scores).toEqual(together.scores.slice(u * 10, (u + 1) * 10))
        }
      })

      it('gives the same on WebAssembly, but that what is as good within 1e-5 may swap', async () => {
        const [together, others] = [rank(loadNative(), native, users), rank(await loadWasm(), wasm, users)]
        const near = 1e-5 * Math.max(...together.scores.filter(Number.isFinite).map(Math.abs))
        for (const [place, score] of others.scores.entries()) {
          const difference = score === together.scores[place] ? 0 : Math.abs(score - together.scores[place]) // −∞ where there is no history
          expect(difference).toBeLessThanOrEqual(near)
          if (others.items[place] === together.items[place]) continue
          const swapped = together.items.slice(place - (place % 10), place - (place % 10) + 10).indexOf(others.items[place])
          const gap = Math.abs(together.scores[place - (place % 10) + swapped] - score)
          expect(swapped < 0 ? near : gap).toBeLessThanOrEqual(near)
        }
      })

      it('finds what scoring the whole catalogue finds', async () => {
        const known = users.filter((user) => user.length > 0)
        for (const [engine, built] of [[loadNative(), native] as const, [await loadWasm(), wasm] as const]) {
          const listed = rank(engine, built, known, V)
          const every = Int32Array.from({ length: known.length * V }, (_, i) => i % V)
          const scores = scoreItems(engine, built, columnsOf(known), { values: every, offsets: offsetsOf(known.map(() => V)) })
          for (let u = 0; u < known.length; u++) {
            const own = scores.subarray(u * V, (u + 1) * V)
            const sorted = Array.from({ length: V }, (_, i) => i).sort((a, b) => own[b] - own[a] || a - b)
            expect([...listed.items.subarray(u * V, (u + 1) * V)]).toEqual(sorted)
            expect([...listed.scores.subarray(u * V, (u + 1) * V)]).toEqual(sorted.map((item) => own[item]))
          }
        }
      })

      it('sees nothing from before its window', async () => {
        using shop = await Recommender.load(artefact)
        const length = Math.min(native.model.maxLength, V)
        const [before, window] = [[3, 9, 14], Array.from({ length }, (_, t) => (7 * t + 5) % V)].map((items) =>
          items.map((item) => `item-${item}`),
        )
        const list = (request: Request) => shop.recommend({ k: 20, ...request }).items
        expect(list({ history: [...before, ...window] })).toEqual(list({ history: window, seen: before }))
        expect(list({ history: window, seen: before }).every(({ source }) => source === 'model')).toBe(true)
      })
    })
  })
}

const offsetsOf = (lengths: readonly number[]): Int32Array => {
  const offsets = new Int32Array(lengths.length + 1)
  for (const [b, length] of lengths.entries()) offsets[b + 1] = offsets[b] + length
  return offsets
}

const columnsOf = (lists: readonly (readonly number[])[]): Columns => ({
  items: Int32Array.from(lists.flat()),
  offsets: offsetsOf(lists.map(({ length }) => length)),
})

const none = (users: number) => ({ values: new Int32Array(), offsets: new Int32Array(users + 1) })
