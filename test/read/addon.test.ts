import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { logAddon, logError } from '../../src/engine/log-addon.ts'
import { FociError } from '../../src/errors.ts'
import { type ReadOptions, readInteractions } from '../../src/read/read.ts'
import { write, writeBy } from './files.ts'

const engine = process.env.FOCI_ENGINE

function useAddon(use: boolean): void {
  if (use) delete process.env.FOCI_ENGINE
  else process.env.FOCI_ENGINE = 'wasm'
}

afterEach(() => {
  if (engine === undefined) delete process.env.FOCI_ENGINE
  else process.env.FOCI_ENGINE = engine
})

/** All that a log says, or what its error says. */
async function told(source: Parameters<typeof readInteractions>[0], options: ReadOptions, addon: boolean) {
  useAddon(addon)
  try {
    const { users, catalogue, sceneNames, eventNames, hash, unit, skipped } = await readInteractions(source, options)
    return { users, items: catalogue.ids, sceneNames, eventNames, hash, unit, skipped }
  } catch (error) {
    if (error instanceof FociError) return { code: error.code, message: error.message, hint: error.hint }
    throw error
  }
}

async function expectSame(source: Parameters<typeof readInteractions>[0], options: ReadOptions = {}) {
  const [by, without] = [await told(source, options, true), await told(source, options, false)]
  expect(by).toEqual(without)
  return by
}

const id = fc.oneof(
  { weight: 8, arbitrary: fc.nat(12).map((n) => `id-${n}`) },
  { weight: 2, arbitrary: fc.nat(5).map((n) => `an id of more than twelve bytes ${n}`) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 14 }).map((text) => text.replace(/[\r\n",]/g, '_')) },
  { weight: 1, arbitrary: fc.constantFrom('', ' ', ' x', 'x ', '\t', '"q"', '😀 and more than twelve', 'ü', '\u{7f}', '\u{ad}') },
)
const time = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 1.6e9, max: 1.6e9 + 9 }).map(String) },
  { weight: 2, arbitrary: fc.double({ min: 1.6e9, max: 1.7e9, noNaN: true }).map((n) => n.toFixed(3)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '0', '-0', '007', '1.', '.5', '1e9', '1_0', '99999999999999', '9007199254740993', 'x', '2024-05-01'),
  },
)
const value = fc.oneof(fc.constantFrom('', '0', '1.5', '-2', '0.1', '3.14159265358979', 'x'), fc.nat(5).map(String))
const csv = (cells: fc.Arbitrary<string>[], header: string) =>
  fc
    .array(fc.tuple(...cells), { maxLength: 40 })
    .map((rows) => `${header}\n${rows.map((row) => row.join(',')).join('\n')}${rows.length % 2 ? '\n' : ''}`)

describe.skipIf(engine === 'wasm')('with the addon a log is the one without it', () => {
  it('which is there', () => expect(logAddon()).toBeDefined())

  it('from any CSV', async () => {
    const files = fc.oneof(
      csv([id, id, time], 'user,item,timestamp'),
      csv([id, id, time, id, value, id], 'user,item,timestamp,scene,value,event'),
      csv([time, fc.constant('x'), value, id, id], 'timestamp,other,value,item,user'),
    )
    await fc.assert(
      fc.asyncProperty(files, fc.boolean(), fc.boolean(), async (text, gzip, skipInvalid) => {
        await expectSame(write(gzip ? gzipSync(text) : text, 'addon.csv'), { skipInvalid })
      }),
      { seed: 21, numRuns: 200 },
    )
  })

  it('from CSV that is plain', async () => {
    const plain = csv(
      [fc.nat(20).map((n) => `user ${n}`), fc.nat(9).map((n) => `item-${n} of a long name`), fc.nat(50).map(String), fc.nat(9).map(String)],
      'user,item,timestamp,value',
    )
    let read = 0
    await fc.assert(
      fc.asyncProperty(plain, fc.constantFrom(',', '\t', ';', '|'), fc.boolean(), async (commas, delimiter, gzip) => {
        const text = commas.replaceAll(',', delimiter)
        if ('hash' in (await expectSame(write(gzip ? gzipSync(text) : text, 'plain.csv')))) read++
      }),
      { seed: 22, numRuns: 40 },
    )
    expect(read).toBeGreaterThan(30)
  })

  it('from text that is pasted together', async () => {
    const day = '2024-05-01'
    const parts = [
      'u',
      'a longer id of many bytes',
      '"',
      '""',
      ',',
      ',',
      ',',
      '\n',
      '\n',
      '\r\n',
      '\r',
      ' ',
      'é',
      '5',
      '1600000000',
      day,
      `${day}T10:20:30.5Z`,
      'x',
    ]
    const rows = fc.array(
      fc.constantFrom('u,x,5', '"u","x, ""y""",7', `u,y,${day}`, 'v,"x\ny",1600000000', ',x,1', 'u,x', '', '\u{feff}u,x,1'),
      {
        maxLength: 8,
      },
    )
    const text = fc.tuple(rows, fc.array(fc.constantFrom(...parts), { maxLength: 8 }), rows, fc.constantFrom('\n', '\r\n'))
    await fc.assert(
      fc.asyncProperty(text, fc.boolean(), fc.boolean(), async ([before, pasted, after, end], gzip, skipInvalid) => {
        const all = ['user,item,timestamp', ...before, pasted.join(''), ...after].join(end)
        await expectSame(write(gzip ? gzipSync(all) : all, 'pasted.csv'), { skipInvalid })
      }),
      { seed: 24, numRuns: 300 },
    )
  })

  it('from any JSON lines', async () => {
    const word = fc.constantFrom<unknown>(
      'u',
      'é',
      ' ',
      '',
      7,
      7.5,
      7.0,
      -0,
      1e21,
      2 ** 53,
      null,
      true,
      ['u'],
      { a: 1 },
      '\ud800',
      'a "quoted" id of many bytes',
    )
    const moment = fc.constantFrom<unknown>(5, 1.6e9, 1.6e12, '5', '2024-05-01', '2024-05-01T10:20:30Z', '1e3', 'soon', '', null, 0.5)
    const row = fc.record(
      { user: word, item: word, timestamp: moment, scene: word, value: fc.constantFrom<unknown>(1, 0.1, '2', 'x', null) },
      { requiredKeys: [] },
    )
    const good = { user: 'u', item: 'x', timestamp: 5 }
    const lines = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constant(JSON.stringify(good)) },
        { weight: 2, arbitrary: row.map((each) => JSON.stringify({ ...good, ...each })) },
        { weight: 1, arbitrary: row.map((each) => JSON.stringify(each)) },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            '',
            '{',
            '[]',
            '{"user":1,"user":2,"item":9007199254740993,"timestamp":1.1234567890123456}',
            ' {"user":1,"item":2,"timestamp":1600000000000000003} ',
          ),
        },
      ),
      { maxLength: 6 },
    )
    await fc.assert(
      fc.asyncProperty(lines, fc.boolean(), fc.boolean(), fc.boolean(), async (all, gzip, skipInvalid, named) => {
        const text = all.join('\n')
        await expectSame(write(gzip ? gzipSync(text) : text, 'any.jsonl'), { skipInvalid, ...(named && { columns: { scene: 'scene' } }) })
      }),
      { seed: 25, numRuns: 400 },
    )
  })

  it('from a file of several parts, gzip, JSON lines and Parquet', async () => {
    const rows = Array.from({ length: 150_000 }, (_, i) => [
      `user-${(i * 7919) % 5003}`,
      `${i % 3 ? 'item' : 'an-item-of-a-long-name'}-${(i * 31) % 997}`,
      1.6e9 + ((i * 104729) % 2003),
    ])
    const text = `user,item,timestamp\n${rows.map((row) => row.join(',')).join('\n')}\n`
    const lines = rows.slice(0, 5000).map(([user, item, timestamp]) => JSON.stringify({ user, item, timestamp }))
    const plain = write(text)
    const { hash } = (await expectSame(plain)) as { hash: string }
    expect(await expectSame(write(gzipSync(text)))).toMatchObject({ hash })
    expect(await expectSame(write(text.replace(/\n$/, '\n"user-0",x,1600000000\n')))).not.toMatchObject({ hash })
    const parquet = await writeBy(`COPY (SELECT * FROM read_csv('${plain}')) TO $1`)
    expect(await expectSame(parquet)).toMatchObject({ hash })
    await expectSame(write(lines.join('\n'), 'lines.jsonl'))
  })

  it('from gzip archives of several members, damaged ones and what is none', async () => {
    const text = `user,item,timestamp\n${Array.from({ length: 900 }, (_, i) => `u${i % 7},i${i % 11},${i}`).join('\n')}\n`
    const { hash } = (await expectSame(write(text))) as { hash: string }
    const members = [text.slice(0, 500), '', text.slice(500)].map((part) => gzipSync(part))
    expect(await expectSame(write(Buffer.concat(members)))).toMatchObject({ hash })
    const whole = gzipSync(text)
    const changed = (at: number) => whole.map((byte, i) => (i === at ? byte ^ 1 : byte))
    const cut = [1, 8, 9, 300].map((bytes) => whole.subarray(0, -bytes))
    for (const bytes of [...cut, changed(60), changed(whole.length - 6), changed(whole.length - 2)])
      expect(await expectSame(write(bytes))).toHaveProperty('code')
    for (const end of ['and more', '\0\0']) await expectSame(write(Buffer.concat([whole, Buffer.from(end)])))
  })

  it('from rows in memory, whatever is wrong with them', async () => {
    const row = fc.record({ user: id, item: id, timestamp: time, value, event: id })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 60 }), fc.boolean(), async (rows, skipInvalid) => {
        await expectSame(rows, { skipInvalid })
      }),
      { seed: 23, numRuns: 100 },
    )
  })

  it('and a bug in it is an error of the engine', async () => {
    const block = { user: Int32Array.of(5), faults: new Uint8Array(1), times: new Float64Array(1), others: [] }
    const sorting = logAddon()!.sortRows([block], new Int32Array(2), new Float64Array(1), [])
    const error = logError(await sorting.catch((cause: unknown) => cause))
    expect(error).toMatchObject({ code: 'ENGINE_LOST', message: expect.stringContaining('out of bounds') })
  })

  it('where nanoseconds beyond the doubles tell times apart', async () => {
    const times = ['1600000000000000003', '1600000000000000001', '1600000000000000002', '1600000000000000001']
    await expectSame(write(`user,item,timestamp\n${times.map((each, i) => `u,i${i},${each}`).join('\n')}\n`))
  })
})
