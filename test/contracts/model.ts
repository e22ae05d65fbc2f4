import { describe, expect, it } from 'vitest'
import { readArtefact } from '../../src/artefact/artefact.ts'
import { catalogueOf } from '../../src/data/catalogue.ts'
import type { Interactions } from '../../src/data/interactions.ts'
import { mix } from '../../src/data/random.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { loadNative } from '../../src/engine/native.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
import { buildSpec, type ModelSpec } from '../../src/models/define.ts'
import { specOf } from '../../src/models/registry.ts'
import { rankItems } from '../../src/recommend/ranking.ts'
import { Variables } from '../../src/tensor/variables.ts'
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
  return {
    users: walks.map((_, u) => `user-${u}`),
    catalogue: catalogueOf(Array.from({ length: V }, (_, i) => `item-${i}`)),
    offsets: Int32Array.from({ length: users + 1 }, (_, u) => u * length),
    items: Int32Array.from(walks.flat()),
    times: Float64Array.from({ length: users * length }, (_, row) => row % length),
    unit: 'ordinal',
    roles: {},
    skipped: {},
    hash: `two rings, ${users}, ${length}, ${tail}`,
  }
}

/**
 * What every model of the registry must do.
 * @param hits the least share of users whose next item is ranked first after training; undefined where it cannot know
 */
export function describeModel(spec: ModelSpec, { hits }: { hits?: number }): void {
  const job = (engine: Engine, log: Interactions) =>
    runJob(engine, { log, settings: { ...defaults, model: spec, epochs: 25, batch: 16, learningRate: 0.01 }, resume: false }, {})

  describe(`the model ${spec.definition.name}`, () => {
    it.runIf(hits !== undefined)('finds a planted structure', async () => {
      const { report } = await job(loadNative(), twoRings())
      expect(report[0].metrics['mrr@10'].mean).toBeGreaterThan(hits ?? 1)
    })

    it('ignores what follows the cut', async () => {
      const weights = async (tail: number) => (await readArtefact((await job(loadNative(), twoRings({ tail }))).artefact)).tensors
      expect(await weights(5)).toEqual(await weights(0))
    })

    it('is the same after saving and loading, on both engines, alone and in a batch', async () => {
      const log = twoRings()
      const artefact = await readArtefact((await job(loadNative(), log)).artefact)
      const rank = (engine: Engine, users: readonly number[]) => {
        const { options } = artefact.parts[0]
        using variables = new Variables(engine, { artefact: artefact.hash, tensors: artefact.tensors })
        const built = buildSpec(specOf(spec.definition.name, options), { engine, items: V, variables })
        const rows = users.map((u) => [...log.items.subarray(log.offsets[u], log.offsets[u] + 1 + (u % 7))])
        const offsets = Int32Array.from([0, ...rows.map((_, b) => rows.slice(0, b + 1).flat().length)])
        const none = { values: new Int32Array(), offsets: new Int32Array(rows.length + 1) }
        return rankItems(engine, built, { columns: { items: Int32Array.from(rows.flat()), offsets }, k: 10, seen: none })
      }
      const users = Array.from({ length: 64 }, (_, u) => u)
      const [native, wasm] = [loadNative(), await loadWasm()]
      const together = rank(native, users)
      for (const u of users) {
        const alone = rank(native, [u])
        expect(alone.items).toEqual(together.items.slice(u * 10, (u + 1) * 10))
        expect(alone.scores).toEqual(together.scores.slice(u * 10, (u + 1) * 10))
      }
      const near = 1e-5 * Math.max(...together.scores.map(Math.abs))
      const others = rank(wasm, users)
      for (const [place, score] of others.scores.entries()) {
        expect(Math.abs(score - together.scores[place])).toBeLessThanOrEqual(near)
        if (others.items[place] === together.items[place]) continue
        const swapped = together.items.slice(place - (place % 10), place - (place % 10) + 10).indexOf(others.items[place])
        const gap = Math.abs(together.scores[place - (place % 10) + swapped] - score)
        expect(swapped < 0 ? near : gap).toBeLessThanOrEqual(near)
      }
    })

    it('gives equal bytes for equal training', async () => {
      const [a, b] = [await job(loadNative(), twoRings()), await job(loadNative(), twoRings())]
      expect(Buffer.compare(a.artefact, b.artefact)).toBe(0)
    })
  })
}
