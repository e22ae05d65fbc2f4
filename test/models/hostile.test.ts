import { beforeAll, describe, expect, it } from 'vitest'
import type { RawTensor } from '../../src/artefact/container.ts'
import { catalogueOf } from '../../src/data/catalogue.ts'
import { mix } from '../../src/data/random.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { loadNative } from '../../src/engine/native.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
import { FociError } from '../../src/errors.ts'
import { evaluateArtefact } from '../../src/evaluate/evaluate-artefact.ts'
import { blend } from '../../src/models/blend.ts'
import { comirec } from '../../src/models/comirec.ts'
import type { ModelSpec } from '../../src/models/define.ts'
import { din } from '../../src/models/din.ts'
import { markov } from '../../src/models/markov.ts'
import { miSa } from '../../src/models/mi-sa.ts'
import { pipeline } from '../../src/models/pipeline.ts'
import { popularity } from '../../src/models/popularity.ts'
import { definitions } from '../../src/models/registry.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { Recommender } from '../../src/recommend/recommender.ts'
import { runJob } from '../../src/train/job.ts'
import { defaults } from '../../src/train/train.ts'
import { errorOf, forged } from '../artefact/sample.ts'
import { twoRings } from '../contracts/model.ts'

/** Artefacts with a random fault, for each model and engine; `npm run safety -- hostile` has more. */
const ROUNDS = Number(process.env.FOCI_ROUNDS ?? 60)

const small = sasrec({ dim: 8, blocks: 2, maxLength: 10 })
const specs: readonly ModelSpec[] = [
  popularity(),
  markov(),
  small,
  comirec({ dim: 8, maxLength: 10 }),
  miSa({ dim: 8, maxLength: 10 }),
  din({ dim: 8, maxLength: 10 }),
  pipeline([markov(), small]),
  blend([small, markov()]),
]

const engines: readonly [string, () => Promise<Engine>][] = [
  ['native', async () => loadNative()],
  ['wasm', loadWasm],
  ['wasm for inference', () => loadWasm({ inference: true })],
]

type Change = (tensors: Map<string, RawTensor>, about: Record<string, unknown>) => void

const log = { ...twoRings(), catalogue: catalogueOf(Array.from({ length: 40 }, (_, i) => `item-${i}`)) }

it('knows every model of the registry', () => {
  expect(specs.map(({ definition }) => definition.name)).toEqual(definitions.map(({ name }) => name))
})

describe.each(specs.map((spec) => [spec.definition.name, spec] as const))('a forged artefact of %s', (name, model) => {
  let sound: Uint8Array
  let names: readonly string[] = []
  beforeAll(async () => {
    const settings = { ...defaults, model, epochs: 1, batch: 64 }
    sound = (await runJob(loadNative(), { log, settings, resume: false }, {})).artefact
    await forge((tensors) => {
      names = [...tensors.keys()].filter((tensor) => !/^(catalogue|popular)\./.test(tensor))
    })
  })

  const forge = (change: Change) => forged(sound, (about, tensors) => change(tensors, about))

  /** A copy of a tensor's numbers that `change` has changed. */
  const numbers = (tensors: Map<string, RawTensor>, tensor: string, change: (values: Float32Array | Int32Array) => void): void => {
    const is = tensors.get(tensor) as RawTensor
    const bytes = is.bytes.slice()
    change(is.dtype === 'F32' ? new Float32Array(bytes.buffer) : new Int32Array(bytes.buffer))
    tensors.set(tensor, { ...is, bytes })
  }

  describe.each(engines)('on %s', (_, load) => {
    let engine: Engine
    beforeAll(async () => {
      engine = await load()
    })

    const refusal = async (change: Change) => {
      const bytes = await forge(change)
      const [live] = Array.from(engine.memory())
      const error = await errorOf(Recommender.load(bytes, { engine }))
      expect(error.code).toBe('ARTEFACT')
      expect(error.hint).not.toBe('')
      expect(engine.memory()[0]).toBe(live) // what was loaded before the fault was found is given back
      return error.message
    }

    it('is served where nothing was changed', async () => {
      using shop = await Recommender.load(await forge(() => undefined), { engine })
      expect(shop.recommend({ history: ['item-3'], k: 3 }).items.map(({ source }) => source)).toEqual(['model', 'model', 'model'])
    })

    it('is refused where a tensor is missing, and where one is too many', async () => {
      for (const tensor of names) expect(await refusal((tensors) => tensors.delete(tensor))).toBe(`The tensor "${tensor}" is missing.`)
      const more: RawTensor = { dtype: 'F32', shape: [1], bytes: new Uint8Array(4) }
      expect(await refusal((tensors) => tensors.set('zero', more))).toBe('The model has no tensor "zero", and the artefact has.')
    })

    it('is refused where a tensor has another type or shape', async () => {
      for (const tensor of names) {
        const other = ({ dtype, ...rest }: RawTensor): RawTensor => ({ ...rest, dtype: dtype === 'F32' ? 'I32' : 'F32' })
        const at = (tensors: Map<string, RawTensor>) => tensors.get(tensor) as RawTensor
        expect(await refusal((tensors) => tensors.set(tensor, other(at(tensors))))).toMatch(`The tensor "${tensor}" is `)
        const shapes: ((is: RawTensor) => RawTensor)[] = [
          (is) => ({ ...is, shape: [...is.shape, 1] }),
          (is) => ({ ...is, shape: [0], bytes: new Uint8Array(0) }),
          (is) => ({ ...is, shape: [is.bytes.length / 4 + 1], bytes: new Uint8Array(is.bytes.length + 4) }),
          (is) => ({ ...is, shape: [is.shape[0] - 1, ...is.shape.slice(1)], bytes: is.bytes.slice(is.bytes.length / is.shape[0]) }),
        ]
        for (const shape of shapes) {
          expect(await refusal((tensors) => tensors.set(tensor, shape(at(tensors))))).toMatch(/^The tensor ".*" is \[/)
        }
      }
    })

    it('is refused where a number is none, at whichever place', async () => {
      for (const tensor of names) {
        for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          for (const share of [0, 0.5, 1]) {
            const change: Change = (tensors) =>
              numbers(tensors, tensor, (values) => {
                if (values instanceof Float32Array) values[Math.round(share * (values.length - 1))] = odd
                else values[Math.round(share * (values.length - 1))] = odd > 0 ? 2 ** 31 - 1 : -1
              })
            expect(await refusal(change)).toMatch('The tensor "')
          }
        }
      }
    })

    it('is refused for options that do not fit, before they cost memory', async () => {
      const part = { model: name, options: model.options }
      const set =
        (options: object): Change =>
        (_, about) =>
          Object.assign(about, { parts: [{ ...part, options }, ...(about.parts as object[]).slice(1)] })
      const huge = { maxLength: 10_000, blocks: 64, dim: 4096, window: 1000 }
      for (const [key, field] of Object.entries(model.definition.fields)) {
        for (const value of ['x', null, Number.MAX_VALUE, -1, {}, [3]]) {
          const error = await errorOf(Recommender.load(await forge(set({ ...model.options, [key]: value })), { engine }))
          expect(error).toMatchObject({ code: 'OPTION', message: expect.stringContaining(`${name}'s option "${key}" is `) })
        }
        if (!(key in huge) || key === 'window' || field.kind !== 'integer') continue
        const before = process.memoryUsage().rss
        const error = await errorOf(Recommender.load(await forge(set({ ...model.options, ...huge, [key]: field.fallback })), { engine }))
        expect(['OPTION', 'ARTEFACT']).toContain(error.code)
        expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20)
      }
      for (const key of ['constructor', 'toString', 'width']) {
        const error = await errorOf(Recommender.load(await forge(set({ ...model.options, [key]: 1 })), { engine }))
        expect(error).toMatchObject({ code: 'OPTION', message: `${name} has no option "${key}".` })
      }
      expect(await refusal((_, about) => Object.assign(about, { parts: [part, part] }))).toMatch('has 2 models')
    })

    it('is refused without items', async () => {
      const none = (dtype: 'I32' | 'U8', ...values: number[]): RawTensor => ({
        dtype,
        shape: [values.length],
        bytes: new Uint8Array(4 * values.length),
      })
      const message = await refusal((tensors) => {
        for (const tensor of [...tensors.keys()]) if (tensor.startsWith('catalogue.')) tensors.delete(tensor)
        tensors.set('catalogue.bytes', none('U8'))
        tensors.set('catalogue.offsets', none('I32', 0))
        tensors.set('popular.items', none('I32'))
      })
      expect(message).toBe('The artefact has no items to choose from.')
    })

    it('is refused by evaluation too', async () => {
      const bytes = await forge((tensors) => tensors.delete(names[0]))
      expect((await errorOf(evaluateArtefact(bytes, log, { engine }))).code).toBe('ARTEFACT')
    })

    it('is refused, or serves finite scores of its own or says that there are none, whatever its numbers', async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = await forge((tensors) => {
          for (let i = 0; i <= mix(round) % 3; i++) {
            const key = mix(7 * round + i)
            numbers(tensors, names[key % names.length], (values) => {
              const odd = [-1, 0, 1, 2, 39, 40, 2 ** 31 - 1, -(2 ** 31), 3e38, -3e38, 1e-45, -0, Number.NaN, 0.5]
              values[mix(key + 1) % values.length] = odd[mix(key + 2) % odd.length]
            })
          }
        })
        const shop = await Recommender.load(bytes, { engine }).catch((error) => {
          expect(error).toBeInstanceOf(FociError)
          expect(['ARTEFACT', 'OPTION']).toContain(error.code)
        })
        if (!shop) continue
        using open = shop
        try {
          const { items } = open.recommend({ history: ['item-3', 'item-9'], k: 50 })
          expect(items.length).toBe(38)
          for (const { score, source } of items) expect([source, Number.isFinite(score)]).toEqual(['model', true])
        } catch (error) {
          expect(error).toMatchObject({ code: 'NON_FINITE' }) // finite weights may overflow, which is told
        }
      }
    })
  })
})
