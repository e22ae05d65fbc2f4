import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Lines } from '../../src/cli/batch/lines.ts'
import { csvField, Rows } from '../../src/cli/batch/list-rows.ts'
import { putFloat32 } from '../../src/cli/batch/numbers.ts'
import { bits } from '../../src/data/random.ts'
import type { RankedUsers } from '../../src/recommend/many.ts'

function linesOf(lists: Rows, users: readonly string[], ranked: RankedUsers) {
  lists.add(users, ranked)
  return lists.take()
}

function written(x: number): string {
  const bytes = Buffer.alloc(40)
  return bytes.toString('utf8', 3, putFloat32(x, bytes, 3))
}

describe('a score as text', () => {
  it('is the shortest decimal that reads as the same 32-bit number', () => {
    const pairs: [number, string][] = [
      [7.225, '7.225'],
      [0.1, '0.1'],
      [-2.5, '-2.5'],
      [0, '0'],
      [1234500, '1234500'],
      [-0.001953125, '-0.001953125'],
      [0.0000012, '0.0000012'],
      [16777216, '16777216'],
      [1 / 3, '0.33333334'],
      [123456.789, '123456.79'],
      [1e-7, '1e-7'],
      [3.4028234663852886e38, '3.4028234663852886e+38'],
    ]
    for (const [x, text] of pairs) expect(written(Math.fround(x))).toBe(text)
  })

  it('reads as the number that was written, for any bits, and no shorter text would for scores of usual size', () => {
    const [word, float] = [new Uint32Array(1), new Float32Array(1)]
    for (let i = 0; i < 100_000; i++) {
      word[0] = bits(7, 0, i)
      float.set(new Float32Array(word.buffer))
      if (!Number.isFinite(float[0])) continue
      const text = written(float[0])
      expect(Math.fround(Number(text)) === float[0], text).toBe(true)
      expect(`${Number(text)}`, 'as JavaScript writes it').toBe(text)
      const size = Math.abs(float[0])
      if (size < 1e-3 || size > 1e3) continue
      const digits = text.replace(/^-?0?\.?0*|\./g, '').length
      const shorter = Number(float[0].toPrecision(Math.max(1, digits - 1)))
      expect(digits === 1 || Math.fround(shorter) !== float[0], `${text}, but ${shorter} would do`).toBe(true)
    }
  })
})

const engine = process.env.FOCI_ENGINE

afterEach(() => {
  if (engine === undefined) delete process.env.FOCI_ENGINE
  else process.env.FOCI_ENGINE = engine
})

describe.each(engine === 'wasm' ? ['without the addon'] : ['with the addon', 'without the addon'])('rows %s', (addon) => {
  beforeEach(() => {
    if (addon === 'without the addon') process.env.FOCI_ENGINE = 'wasm'
  })

  const ranked = {
    users: 2,
    unknown: new Map(),
    items: Int32Array.of(1, 0, 2, -1),
    scores: Float32Array.of(1.5, 0.25, 0, Number.NEGATIVE_INFINITY),
    interests: Int32Array.of(0, 3, -1, -1),
  }
  const ids = ['plain', 'a,b', '"q"\n']

  it('are lines of CSV, with quotes where they are needed', () => {
    const { bytes, rows } = linesOf(new Rows('csv', ids, 2, 100), ['u', 'o"o'], ranked)
    expect([`${bytes}`, rows]).toEqual(['u,1,"a,b",1.5,0\nu,2,plain,0.25,3\n"o""o",1,"""q""\n",0,-1\n', 3])
    expect(['a b', 'a;b', "a'b", '', 'a\rb'].map(csvField)).toEqual(['a b', 'a;b', "a'b", '', '"a\rb"'])
  })

  it('are the texts one after the other, for ids of any length and letters, and interests that come late', () => {
    const [items, k] = [['x', 'ü', '😀 and more', 'long '.repeat(5000)], 3]
    const lists = new Rows('csv', items, k, 100)
    for (let batch = 0; batch < 4; batch++) {
      const users = Array.from({ length: 50 }, (_, b) => ['u', 'é', '日本', 'w'.repeat(3000)][(b + batch) % 4] + b)
      const places = Array.from({ length: 50 * k }, (_, i) => bits(batch, 1, i))
      const made = {
        users: 50,
        unknown: new Map(),
        items: Int32Array.from(places, (word, i) => (i % k > (i / k) % 4 ? -1 : word % items.length)),
        scores: Float32Array.from(places, (word) => (word % 2001) / 8 - 100),
        interests: Int32Array.from(places, (word) => (word % (3 * batch + 1)) - 1),
      }
      const texts = users.flatMap((user, b) =>
        Array.from({ length: k }, (_, place) => {
          const [item, score, interest] = [made.items, made.scores, made.interests].map((column) => column[b * k + place])
          return item < 0 ? '' : `${user},${place + 1},${items[item]},${score},${interest}\n`
        }),
      )
      const { bytes, rows } = linesOf(lists, users, made)
      expect([`${bytes}`, rows]).toEqual([texts.join(''), texts.filter(Boolean).length])
    }
  })

  it('are lines of JSON', () => {
    const { bytes } = linesOf(new Rows('jsonl', ids, 2, 100), ['u', 'o"o'], ranked)
    expect(
      bytes
        .toString()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { user: 'u', rank: 1, item: 'a,b', score: 1.5, interest: 0 },
      { user: 'u', rank: 2, item: 'plain', score: 0.25, interest: 3 },
      { user: 'o"o', rank: 1, item: '"q"\n', score: 0, interest: -1 },
    ])
  })

  it('have scores of any size', () => {
    const scores = Float32Array.of(1e-7, 0.1, 3e38)
    const made = { users: 1, unknown: new Map(), items: Int32Array.of(0, 0, 0), scores, interests: new Int32Array(3) }
    const written = `${linesOf(new Rows('csv', ['x', 'y', 'z'], 3, 100), ['u'], made).bytes}`
    expect(written.split('\n').map((line) => Math.fround(Number(line.split(',')[3])))).toEqual([...scores, Number.NaN])
  })
})

describe.skipIf(engine === 'wasm')('the addon', () => {
  it('writes scores as JavaScript does', () => {
    const count = 100_000
    const scores = Float32Array.from({ length: count }, (_, i) => (bits(3, 0, i) % 2 ? 1 : -1) * 10 ** ((bits(3, 1, i) / 2 ** 32) * 11 - 4))
    const made = { users: 1, unknown: new Map(), items: new Int32Array(count), scores, interests: new Int32Array(count) }
    const ids = new Array(count).fill('x')
    const lines = () => linesOf(new Rows('csv', ids, count, 100), ['u'], made).bytes
    const script = vi.spyOn(Lines.prototype, 'lines')
    const by = lines()
    expect(script).not.toHaveBeenCalled()
    process.env.FOCI_ENGINE = 'wasm'
    expect(by.equals(lines())).toBe(true)
    expect(script).toHaveBeenCalledOnce()
  })
})
