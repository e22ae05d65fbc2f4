import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { integers, seedOf } from '../../src/data/random.ts'
import { readInteractions } from '../../src/read/read.ts'
import { folderOf } from './files.ts'

/** Files that are tried; `npm run safety` tries more. */
const rounds = Number(process.env.FOCI_ROUNDS ?? 6)
const engine = process.env.FOCI_ENGINE

afterEach(() => {
  if (engine === undefined) delete process.env.FOCI_ENGINE
  else process.env.FOCI_ENGINE = engine
})

/** A file of known rows, and what is wrong with the others. */
interface Known {
  readonly text: string
  readonly good: number
  readonly bad: number
  /** Of the good rows' times. */
  readonly sum: number
}

/** Rows that are none; one needs its number to be another each time. */
const badRows: readonly ((n: number) => string)[] = [
  () => 'a,bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',
  (n) => `a,b,${n},web`,
  (n) => `a,b,${n},`,
  (n) => `u${n},${'z'.repeat(900)}`,
  () => 'u,i,yesterday',
  () => ',i,5',
  () => 'a,,7',
  (n) => `"u${n}"x,i,5`,
]

/** Stretches of good and bad rows, long and short, and a last one of more than nine megabytes of bad rows before good ones. */
function invent(round: number): Known {
  let draws = 0
  const below = (n: number): number => integers(1, n, seedOf(round, 'conserved'), draws++)[0]
  const eol = below(4) === 0 ? '\r\n' : '\n'
  const [quotes, long] = [below(2) === 0, below(3) === 0]
  const lines = ['user,item,timestamp']
  let [size, good, bad, sum, n] = [20, 0, 0, 0, 0]
  const put = (line: string) => {
    lines.push(line)
    size += line.length + eol.length
    n++
  }
  const putBad = (until: number, count: number) => {
    const kind = badRows[below(badRows.length)]
    for (let row = 0; row < count && size < until; row++, bad++) put(kind(n))
  }
  const putGood = (until: number, count: number) => {
    for (let row = 0; row < count && size < until; row++, good++) {
      sum += n
      const item = long && n % 50_021 === 0 ? 'L'.repeat(1 + below(1_900_000)) : `item-${n % 1999}`
      const user = `user-${n % 4999}${quotes && n % 49 === 0 ? '\n' : ''}`
      put(quotes && n % 7 === 0 ? `"${user}","${item}",${n}` : `${user.trim()},${item},${n}`)
    }
  }
  const target = 1e6 + below(15e6)
  putGood(target, 1)
  while (size < target) {
    if (below(2) === 0) putBad(target, 1 + below(below(3) === 0 ? 400_000 : 3000))
    else putGood(target, 1 + below(200_000))
  }
  if (below(2) === 0) {
    putBad(size + 9e6 + below(1e7), Number.POSITIVE_INFINITY)
    putGood(Number.POSITIVE_INFINITY, 1 + below(100_000))
  }
  return { text: lines.join(eol) + (below(2) === 0 ? eol : ''), good, bad, sum }
}

describe('every row of a file is read, or counted as left out', () => {
  it.each(Array.from({ length: rounds }, (_, round) => round))(
    'in file %i, with the addon and without it',
    { timeout: 120_000 },
    async (round) => {
      const { text, good, bad, sum } = invent(round)
      const packed = round % 5 === 4
      const path = join(folderOf(), packed ? 'conserved.csv.gz' : 'conserved.csv')
      writeFileSync(path, packed ? gzipSync(text, { level: 1 }) : text)
      const hashes: string[] = []
      for (const without of [false, true]) {
        if (without) process.env.FOCI_ENGINE = 'wasm'
        const { items, times, skipped, hash } = await readInteractions(path, { skipInvalid: true, unit: 'seconds' })
        const left = Object.values(skipped).reduce((total, count) => total + count, 0)
        expect({ rows: items.length, left, sum: times.reduce((total, time) => total + time, 0) }).toEqual({ rows: good, left: bad, sum })
        hashes.push(hash)
      }
      expect(hashes[1]).toBe(hashes[0])
    },
  )
})
