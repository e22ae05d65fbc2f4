import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { foci, sampleFolder } from '../train/world.ts'

const USERS = 1000
const K = 10

/** Prints each user's items and scores, by codes and without, one more than are compared: an item just beyond them may have swapped in. */
const program = (index: string) => `
import { readInteractions, Recommender } from ${JSON.stringify(index)}
const [log, artefact] = process.argv.slice(2)
const rows = await readInteractions(log)
const lists = async (table) => {
  const recommender = await Recommender.load(artefact, { log: rows, table })
  return rows.users.map((user) => recommender.recommend({ user, k: ${K + 1} }).items.map(({ item, score }) => [item, score]))
}
console.log(JSON.stringify({ int8: await lists('int8'), f32: await lists('f32') }))
`

type List = readonly (readonly [item: string, score: number])[]

describe('top 10 of 1,000 users', () => {
  let place: Awaited<ReturnType<typeof sampleFolder>>
  let script = ''
  let expected: readonly List[] = []

  /** Of one path, where codes change no bit of any list. */
  const lists = async (env: Record<string, string>): Promise<readonly List[]> => {
    const options = { env: { ...process.env, ...env }, maxBuffer: 2 ** 26 }
    const { stdout } = await promisify(execFile)(process.execPath, [script, place.log, place.out], options)
    const { int8, f32 } = JSON.parse(stdout)
    expect(f32).toHaveLength(USERS)
    expect(int8).toEqual(f32)
    return f32
  }

  beforeAll(async () => {
    place = await sampleFolder(USERS)
    script = join(place.folder, 'lists.mjs')
    writeFileSync(script, program(pathToFileURL('dist/index.js').href))
    await foci(['dist/cli/main.js', 'train', place.log, '--model', 'sasrec', '--out', place.out, '--epochs', '3', '--max-length', '50'])
    expected = await lists({ FOCI_ENGINE: 'native', FOCI_SIMD: 'portable' })
  }, 120_000)
  afterAll(() => rmSync(place.folder, { recursive: true, force: true }))

  // A machine without a set runs the best that it has below it.
  it.each([
    ['AVX2', { FOCI_ENGINE: 'native', FOCI_SIMD: 'avx2' }],
    ['AVX-512', { FOCI_ENGINE: 'native', FOCI_SIMD: 'avx512' }],
    ['WebAssembly', { FOCI_ENGINE: 'wasm' }],
  ])(
    'agree on %s with the portable path',
    async (name, env) => {
      const actual = await lists(env)
      const swaps = actual.reduce((sum, list, user) => sum + disagreements(expected[user], list), 0)
      console.log(`${name}: ${swaps} of ${USERS * K} places hold another item, each as good within 1e-5 of the largest score`)
      expect(swaps).toBeLessThan((USERS * K) / 1000)
    },
    60_000,
  )
})

/** Places that differ; each must be a swap of scores that lie within 1e-5 of the largest. */
function disagreements(expected: List, actual: List): number {
  const near = 1e-5 * Math.max(...expected.map(([, score]) => Math.abs(score)))
  const scores = new Map(expected)
  let swaps = 0
  for (let place = 0; place < K; place++) {
    const [item, score] = actual[place]
    expect(Math.abs(score - expected[place][1])).toBeLessThanOrEqual(near)
    if (item === expected[place][0]) continue
    swaps++
    expect(Math.abs((scores.get(item) ?? Number.NaN) - expected[place][1])).toBeLessThanOrEqual(2 * near)
  }
  return swaps
}
