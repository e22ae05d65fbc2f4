import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { foci, folder } from './foci.ts'

const at = folder()
const log = at('log.csv')
const items = at('films.csv')
const users = at('people.jsonl')
const tables = ['--items', items, '--items-column', 'title=name', '--users', users, '--users-column', 'user=id']

beforeAll(() => {
  const rows = Array.from({ length: 60 }, (_, i) => `u${i % 12},${i % 7},${i}`)
  writeFileSync(log, `user,film,timestamp\n${rows.join('\n')}\n`)
  const films = Array.from({ length: 7 }, (_, i) => `${i},Film ${i},${i === 3 ? '' : 1990 + i},a|b,"[${i}, 0.5]"`)
  writeFileSync(items, `film,name,year,genre,emb\n${films.join('\n')}\n`)
  writeFileSync(users, Array.from({ length: 14 }, (_, i) => `{"id":"u${i}","age":${20 + i}}\n`).join(''))
})

describe('tables of items and users', () => {
  it('are read by the log’s names or those of flags, and shown', async () => {
    const { code, stdout, stderr } = await foci('inspect', log, '--item-column', 'film', ...tables, '--json')
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      itemColumns: {
        year: { kind: 'number', given: 6 },
        genre: { kind: 'words', given: 7 },
        emb: { kind: 'vector', given: 7, width: 2 },
      },
      userColumns: { age: { kind: 'number', given: 12 } },
      skipped: { 'users table: user is not in the log': 2 },
    })
    expect(stderr).toBe(
      `note: ${items}: it has no categories; where column "genre" holds them, name it with --items-column categories=….\n`,
    )
    const shown = await foci('inspect', log, '--item-column', 'film', ...tables, '--items-column', 'categories=genre')
    expect(shown.stderr).toBe('')
    expect(shown.stdout).toContain('item columns  year (number, 6 given), emb (vector of 2, 7 given)\n')
    expect(shown.stdout).toContain('user columns  age (number, 12 given)\n')
  })

  it('go to training, which says what of them the model does not read', async () => {
    const out = at('films.safetensors')
    const words = [
      'train',
      log,
      '--item-column',
      'film',
      ...tables,
      '--items-column',
      'categories=genre',
      '--model',
      'markov',
      '--out',
      out,
    ]
    const { code, stderr } = await foci(...words)
    expect(stderr).toBe(
      'note: markov does not read these columns of the items table: year, emb.\nnote: markov does not read these columns of the users table: age.\n',
    )
    expect(code).toBe(0)
    const { stdout } = await foci('inspect', out, '--json')
    expect(JSON.parse(stdout).items).toEqual({ count: 7, titles: true, categories: true, columns: [] })
  })

  it('that are not there, or are outputs, are refused', async () => {
    const missing = await foci('inspect', log, '--item-column', 'film', '--users', at('none.csv'))
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining(`the users table ${at('none.csv')} cannot be read`)])
    const over = await foci('train', log, '--item-column', 'film', '--users', users, '--model', 'markov', '--out', users, '--force')
    expect([over.code, over.stderr]).toEqual([1, expect.stringContaining('users table')])
  })

  it('with none of the log’s ids are refused with the flag that may mend it', async () => {
    const { code, stderr } = await foci('inspect', log, '--item-column', 'film', '--users', users, '--users-column', 'user=age')
    expect(code).toBe(1)
    expect(stderr).toContain('none of its users is in the log; it begins with "20", the log with "u0"')
    expect(stderr).toContain('name their column with --users-column user=…')
  })
})
