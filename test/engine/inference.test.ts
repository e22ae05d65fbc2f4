import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import { type Signature, signatures } from '../../src/engine/operations.ts'
import { loadWasm } from '../../src/engine/wasm.ts'
import { FociError } from '../../src/errors.ts'
import { allSamples, byOp } from '../contracts/engine/agreement.ts'
import { operations } from '../contracts/engine/coverage.ts'
import { thrown } from '../contracts/engine/faults.ts'
import { evaluate, readFloat32, type Sample } from '../contracts/engine/samples.ts'

const NONE = new Uint32Array()

const training = operations.filter((op) => (signatures[op] as Signature).training)

describe('the WebAssembly build for inference', () => {
  let whole: Engine
  let e: Engine
  beforeAll(async () => {
    whole = await loadWasm()
    e = await loadWasm({ inference: true })
  })

  it('is less than two thirds of the whole one, and at most 150 kB compressed', () => {
    const [large, small] = ['wasm', 'wasm-inference'].map((build) => readFileSync(`build/${build}/foci_wasm_bg.wasm`))
    const [compressedLarge, compressedSmall] = [large, small].map((bytes) => gzipSync(bytes).length)
    expect(compressedSmall).toBeLessThan(Math.min(150_000, (2 / 3) * compressedLarge))
  })

  it('is an engine of its own', async () => {
    expect(e).not.toBe(whole)
    expect(await loadWasm({ inference: true })).toBe(e)
    expect(e.name).toBe('wasm')
  })

  it('refuses what trains, with the name of the build, and goes on', () => {
    expect(training).toEqual(expect.arrayContaining(['adam', 'crossEntropy', 'dropout', 'linearWeightGradient']))
    for (const op of training) {
      expect(thrown(() => (e[op] as () => unknown)())).toMatchObject({
        code: 'NEED',
        message: `${op} is an operation of training, which the build for inference (build/wasm-inference) leaves out.`,
      })
    }
    e.openScope()
    const [x, offsets] = [e.fromFloat32(Float32Array.of(1), Uint32Array.of(1, 1)), e.fromInt32(Int32Array.of(0, 1), Uint32Array.of(2))]
    expect(thrown(() => e.attention(x, x, x, offsets, offsets, 1, 0.5, 1, 1)).message).toContain('this build for inference drops nothing')
    expect(Array.from(e.readFloat32(e.relu(x)))).toEqual([1])
    e.closeScope(NONE)
  })

  it('gives the bits of the whole one, for every operation that serves', () => {
    const compared = new Set<string>()
    for (const [op, samples] of byOp(allSamples)) {
      for (const sample of samples) if (agrees(sample)) compared.add(op)
    }
    expect([...compared].sort()).toEqual(operations.filter((op) => !training.includes(op)).sort())
  })

  /** Whether both ran the sample; a difference of bits fails. */
  function agrees({ gradient: _, ...sample }: Sample): boolean {
    let small: ReturnType<typeof evaluate>
    try {
      small = evaluate(e, sample, readFloat32)
    } catch (error) {
      if (!(error instanceof FociError && (error.code === 'NEED' || error.message.includes('drops nothing')))) throw error
      e.closeScope(NONE)
      return false
    }
    const large = evaluate(whole, sample, readFloat32)
    const bytes = ({ values }: (typeof small)[number]) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)
    expect(small.map(({ shape }) => shape)).toEqual(large.map(({ shape }) => shape))
    for (const [place, result] of small.entries()) expect(Buffer.compare(bytes(result), bytes(large[place])), sample.label).toBe(0)
    return true
  }
})
