import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Worker } from 'node:worker_threads'
import { type ListOptions, loadWasm, Recommender, selectEngine, train, type UserRequest } from 'foci'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { catalogueOf } from '../../src/data/catalogue.ts'
import type { Interactions } from '../../src/data/interactions.ts'
import { integers } from '../../src/data/random.ts'
import { loadNative } from '../../src/engine/native.ts'
import { type Encoder, retrieving } from '../../src/models/adapters.ts'
import type { Model } from '../../src/models/contracts.ts'
import { defineModel, integer, type ModelSpec } from '../../src/models/define.ts'
import { markov } from '../../src/models/markov.ts'
import { popularity } from '../../src/models/popularity.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { Recommender as Source } from '../../src/recommend/recommender.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'
import { twoRings } from '../contracts/model.ts'
import { follower } from '../train/follower.mjs'

/** Users of several batches, and an item that nobody ever chose. */
const USERS = 700
const rings = twoRings({ users: USERS })
const log: Interactions = { ...rings, catalogue: catalogueOf([...rings.catalogue.ids, 'never']) }

async function artefactOf(model: ModelSpec): Promise<Uint8Array> {
  const settings = { ...defaults, model, epochs: 2, batch: 64, learningRate: 0.01 }
  return (await runJob(loadNative(), { log, settings, resume: false }, {})).artefact
}

const requests: UserRequest[] = Array.from({ length: USERS }, (_, i) => {
  const history = Array.from(integers(i % 14, 41, i, 0), (item) => `item-${item}`) // item-40 is unknown
  const more = i % 5 === 0 ? { seen: ['item-1', 'gone'], exclude: ['item-2'] } : {}
  return i % 3 === 0 ? { user: `user-${i}`, ...more } : { history, ...more }
})

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const each of stream) found.push(each)
  return found
}

/** The threads that a test starts. */
const workers: Worker[] = []
const gone = new Set<Worker>()
const note = (worker: Worker): void => {
  workers.push(worker)
  worker.once('exit', () => gone.add(worker))
}
beforeEach(() => void process.on('worker', note))
afterEach(() => {
  process.off('worker', note)
  workers.length = 0
})
const allGone = (): Promise<void> => expect.poll(() => workers.every((worker) => gone.has(worker)), { timeout: 10_000 }).toBe(true)

const model = sasrec({ dim: 16, blocks: 1, maxLength: 10 })

/** Encodes as sasrec does, by way of JavaScript: what it brings back is no recording's. */
const onlooker = defineModel(
  'onlooker',
  'A model of a test.',
  { dim: integer(16, { min: 1, max: 64, help: 'the width' }) },
  (options, context) => {
    const inner = sasrec({ ...options, blocks: 1, maxLength: 10 })
    const model = inner.definition.build(inner.options, context) as Required<Model>
    const encode: Encoder['encode'] = (histories, at) => {
      const { vectors, offsets } = model.interests(histories, at)
      return { vectors: Tensor.float32(context.engine, vectors.float32(), vectors.shape), offsets }
    }
    return { maxLength: 10, learner: model.learner, ...retrieving({ encode, items: () => model.items() }, context) }
  },
)
let artefact: Uint8Array
let stranger: Uint8Array
beforeAll(async () => {
  artefact = await artefactOf(model)
  const module = new URL('../train/follower.mjs', import.meta.url)
  stranger = (await train(log, { model: follower(), module })).artefact
})

describe('recommendMany', () => {
  const cases: [name: string, spec: ModelSpec, load: typeof loadWasm][] = [
    ['sasrec on native', model, selectEngine],
    ['sasrec on wasm', model, loadWasm],
    ['markov on native', markov(), selectEngine],
    ['popularity on wasm', popularity(), loadWasm],
  ]

  it.each(cases)('gives each user the bits of recommend, in the order of the requests: %s', async (_, spec, load) => {
    using shop = await Recommender.load(await artefactOf(spec), { engine: await load(), log })
    const odd = shop.filter((item) => Number(item.slice(5)) % 2 === 1)
    const options: ListOptions[] = [{}, { k: 3 }, { k: 1000 }, { k: 5, filter: odd }]
    for (const each of options) {
      const expected = requests.map((request) => shop.recommend({ ...request, ...each }))
      expect(await all(shop.recommendMany(requests, each))).toEqual(expected)
    }
    // An encoder on native needs no threads of JavaScript
    if (shop.engineName === 'native') expect(workers).toHaveLength(spec.definition.name === 'sasrec' ? 0 : (await selectEngine()).threads())
    else expect(workers.length).toBeGreaterThan(0)
  })

  it('gives the same without threads', async () => {
    const engine = await loadWasm()
    using shop = await Recommender.load(artefact, { log, engine })
    using here = await Source.load(artefact, { log, engine })
    expect(await all(here.recommendMany(requests))).toEqual(requests.map((request) => here.recommend(request)))
    expect(workers).toEqual([])
    expect(await all(here.recommendMany(requests))).toEqual(await all(shop.recommendMany(requests)))
    expect(workers.length).toBeGreaterThan(0)
  })

  it('ranks a model that looks at values while it encodes', async () => {
    using shop = await Source.load(await artefactOf(onlooker()), { log, models: [onlooker().definition] })
    const expected = requests.map((request) => shop.recommend(request))
    expect(await all(shop.recommendMany(requests))).toEqual(expected)
  })

  it('ranks a model that threads do not know on this one', async () => {
    using shop = await Recommender.load(stranger, { log, models: [follower().definition] })
    const expected = requests.map((request) => shop.recommend(request))
    expect(await all(shop.recommendMany(requests))).toEqual(expected)
    expect(workers).toEqual([])
  })

  it('takes what comes in time, and no more of it than a few batches ahead', async () => {
    using shop = await Recommender.load(artefact, { log })
    let asked = 0
    async function* endless(): AsyncGenerator<UserRequest> {
      for (;;) {
        await Promise.resolve()
        yield requests[asked++ % USERS]
      }
    }
    const found: unknown[] = []
    const ahead = 256 * (4 * (await selectEngine()).threads() + 1)
    for await (const each of shop.recommendMany(endless())) {
      found.push(each)
      expect(asked - found.length).toBeLessThanOrEqual(ahead)
      if (found.length === 5000) break
    }
    expect(found.slice(0, USERS)).toEqual(await all(shop.recommendMany(requests)))
  })

  it('keeps its threads for the next stream, ends them with a loop that is left early and with the recommender', async () => {
    const shop = await Recommender.load(await artefactOf(markov()), { log })
    const threads = (await selectEngine()).threads()
    await all(shop.recommendMany(requests))
    await all(shop.recommendMany(requests))
    expect([workers.length, gone.has(workers[0])]).toEqual([threads, false])
    const two = [shop.recommendMany(requests), shop.recommendMany(requests)]
    expect(await Promise.all(two.map(all))).toEqual([await all(shop.recommendMany(requests)), await all(shop.recommendMany(requests))])

    let left = false
    async function* source(): AsyncGenerator<UserRequest> {
      try {
        for (;;) yield { history: ['item-3'] }
      } finally {
        left = true
      }
    }
    for await (const _ of shop.recommendMany(source())) break
    expect(left).toBe(true)
    await allGone()

    await all(shop.recommendMany(requests))
    expect(workers.some((worker) => !gone.has(worker))).toBe(true)
    shop[Symbol.dispose]()
    await allGone()
    expect(() => shop.recommendMany(requests)).toThrow(expect.objectContaining({ code: 'TENSOR_FREED' }))
  })

  it('starts no more of them for streams whose requests are refused', async () => {
    using shop = await Recommender.load(await artefactOf(markov()), { log })
    const threads = (await selectEngine()).threads()
    for (let i = 0; i < 20; i++) await expect(all(shop.recommendMany([{ history: 5 } as never]))).rejects.toMatchObject({ code: 'OPTION' })
    await all(shop.recommendMany(requests)) // by now all threads that were started have said so
    expect(workers.length).toBe(threads)
  })

  it.each(['native', 'wasm'])('stops where the recommender is disposed meanwhile: %s', async (engine) => {
    const shop = await Recommender.load(artefact, { log, engine: engine === 'native' ? loadNative() : await loadWasm() })
    const stream = shop.recommendMany(requests)
    await stream.next()
    shop[Symbol.dispose]()
    await expect(all(stream)).rejects.toMatchObject({ code: 'TENSOR_FREED' })
    await allGone()
  })

  it('goes on while others ask for lists of many lengths', async () => {
    using shop = await Recommender.load(artefact, { log })
    const expected = requests.map((request) => shop.recommend(request))
    const found: unknown[] = []
    for await (const each of shop.recommendMany(requests)) {
      if (found.length % 8 === 0)
        expect(shop.recommend({ history: ['item-3'], k: 1 + (found.length % 39) }).items).toHaveLength(1 + (found.length % 39))
      found.push(each)
    }
    expect(found).toEqual(expected)
  })

  it('names the request that is wrong, after the results of those before it', async () => {
    using shop = await Recommender.load(artefact, { log })
    const wrong: [request: unknown, code: string, message: string][] = [
      [{ user: 'nobody' }, 'UNKNOWN', 'requests[600]: The log has no user "nobody".'],
      [{}, 'OPTION', 'requests[600]: Neither a user nor a history is given.'],
      [
        { history: ['item-1', 0.5] },
        'OPTION',
        'requests[600]: An event of the history is 0.5, which is no whole number that is told from its neighbours.',
      ],
      [{ history: [null] }, 'OPTION', 'requests[600]: An event of the history is null.'],
    ]
    for (const [request, code, message] of wrong) {
      const found: unknown[] = []
      const stream = shop.recommendMany([...requests.slice(0, 600), request as UserRequest, ...requests])
      const reading = (async () => {
        for await (const each of stream) found.push(each)
      })()
      await expect(reading).rejects.toMatchObject({ code, message })
      expect(found).toHaveLength(600)
      expect(() => shop.recommend(request as UserRequest)).toThrow(expect.objectContaining({ code, message: message.slice(15) }))
    }
    expect(() => shop.recommendMany(requests, { k: 0 })).toThrow(expect.objectContaining({ code: 'OPTION' }))
  })

  it('passes on what goes wrong in the source', async () => {
    using shop = await Recommender.load(artefact, { log })
    function* source(): Generator<UserRequest> {
      yield* requests
      throw new RangeError('no more')
    }
    await expect(all(shop.recommendMany(source()))).rejects.toThrow(new RangeError('no more'))
  })

  it('gives nothing for nobody', async () => {
    using shop = await Recommender.load(artefact, { log })
    expect(await all(shop.recommendMany([]))).toEqual([])
  })

  describe('in a process of its own', () => {
    const folder = mkdtempSync(join(tmpdir(), 'foci-many-'))
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    it.each(['end', 'break', 'hold'])('lets it go without being disposed: %s', async (how) => {
      const [path, script] = [join(folder, 'shop.safetensors'), join(folder, `${how}.mjs`)]
      writeFileSync(path, artefact)
      const foci = new URL('../../dist/index.js', import.meta.url)
      writeFileSync(
        script,
        `import { Recommender } from '${foci}'
        const shop = await Recommender.load(process.argv[2])
        const stream = shop.recommendMany(Array.from({ length: 2000 }, () => ({ history: ['item-3'] })))
        let count = 0
        if ('${how}' === 'hold') await stream.next()
        else for await (const _ of stream) if (++count === 700 && '${how}' === 'break') break
        console.log(count)`,
      )
      const { stdout } = await promisify(execFile)(process.execPath, [script, path], { timeout: 30_000 })
      expect(stdout).toBe(`${{ end: 2000, break: 700, hold: 0 }[how]}\n`)
    })
  })
})
