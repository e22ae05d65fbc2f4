import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Interactions } from '../../src/data/interactions.ts'
import { FociError } from '../../src/errors.ts'
import { type ReadOptions, readInteractions } from '../../src/read/read.ts'
import { write } from './files.ts'

/** A log, or a FociError that says what to do; anything else is thrown. */
async function logOrError(content: string | Uint8Array, options?: ReadOptions): Promise<Interactions | FociError> {
  try {
    return await readInteractions(write(content, 'fuzz.csv'), options)
  } catch (error) {
    if (error instanceof FociError && error.hint !== '' && error.code !== 'ENGINE_LOST') return error
    throw error
  }
}

function checkLog(log: Interactions): void {
  const rows = log.items.length
  expect(rows).toBeGreaterThan(0)
  expect(log.offsets[log.users.length]).toBe(rows)
  for (let user = 0; user < log.users.length; user++) {
    expect(log.offsets[user]).toBeLessThan(log.offsets[user + 1])
    for (let row = log.offsets[user] + 1; row < log.offsets[user + 1]; row++)
      expect(log.times[row]).toBeGreaterThanOrEqual(log.times[row - 1])
  }
  for (const time of log.times) expect(Number.isFinite(time)).toBe(true)
  for (const item of log.items) expect(log.catalogue.ids[item]).toMatch(/[^ ]/)
}

const good = `user,item,timestamp,value\n${Array.from({ length: 12 }, (_, i) => `u${i % 3},"item ${i}",${1.7e9 + i},${i}`).join('\n')}\n`
const poison = ['"', ',', '\n', '\r', '\r\n', '\0', 'nan', '""', '\ufeff', '9'.repeat(30), '-', '\\', "'", ';', '2024-02-30', '\u{1f600}']

describe('whatever bytes a file holds', () => {
  it('at random, it gives a log or an error with a hint', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, headed) => {
        const found = await logOrError(headed ? Buffer.concat([Buffer.from('user,item,timestamp\n'), bytes]) : bytes, {
          skipInvalid: headed,
        })
        if (!(found instanceof FociError)) checkLog(found)
      }),
      { seed: 11, numRuns: 30 },
    )
  })

  it('in a log with something pasted or cut, it gives a log or an error with a hint', async () => {
    const change = fc.record({ at: fc.nat(good.length), cut: fc.nat(3), paste: fc.constantFrom(...poison, '') })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), fc.boolean(), async (changes, skipInvalid) => {
        const text = changes.reduce((before, { at, cut, paste }) => before.slice(0, at) + paste + before.slice(at + cut), good)
        const found = await logOrError(text, { skipInvalid })
        if (!(found instanceof FociError)) checkLog(found)
      }),
      { seed: 12, numRuns: 60 },
    )
  })
})

describe('rows in memory', () => {
  const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }).filter((text) => /[^ ]/.test(text))
  const twoDigits = (most: number, least = 0) => fc.integer({ min: least, max: most }).map((n) => String(n).padStart(2, '0'))
  const iso = fc
    .tuple(fc.integer({ min: 1900, max: 2200 }), twoDigits(12, 1), twoDigits(28, 1), twoDigits(23), twoDigits(59), twoDigits(59))
    .chain(([year, month, day, hour, minute, second]) =>
      fc.constantFrom(
        `${year}-${month}-${day}`,
        `${year}-${month}-${day}T${hour}:${minute}`,
        `${year}-${month}-${day}T${hour}:${minute}Z`,
        `${year}-${month}-${day} ${hour}:${minute}:${second}`,
        `${year}-${month}-${day}T${hour}:${minute}:${second}.25Z`,
        `${year}-${month}-${day}T${hour}:${minute}:${second}.123456+05:30`,
        `${year}-${month}-${day} ${hour}:${minute}-03`,
      ),
    )
  const seconds = fc.double({ min: -1e10, max: 1e10, noNaN: true })
  const millis = fc.integer({ min: 1e12, max: 2e12 })
  const log = fc.constantFrom<fc.Arbitrary<number | string>>(iso, seconds, millis, fc.nat(50)).chain((time) =>
    fc.array(fc.record({ user: fc.constantFrom('a', 'b', 'ü'), item: id, timestamp: time, event: fc.constantFrom('view', 'buy') }), {
      minLength: 1,
      maxLength: 30,
    }),
  )

  it('are the same log as the file they were written to', async () => {
    const quoted = (text: unknown) => `"${String(text).replaceAll('"', '""')}"`
    await fc.assert(
      fc.asyncProperty(log, async (rows) => {
        const text = ['user,item,timestamp,event', ...rows.map((row) => Object.values(row).map(quoted).join(','))].join('\n')
        const [file, memory] = [await readInteractions(write(text, 'same.csv')), await readInteractions(rows)]
        expect(file.unit).toBe(memory.unit)
        expect(file.catalogue.ids).toEqual(memory.catalogue.ids)
        expect(Array.from(file.times)).toEqual(Array.from(memory.times))
        expect(file.hash).toBe(memory.hash)
      }),
      { seed: 13, numRuns: 40 },
    )
  })
})
