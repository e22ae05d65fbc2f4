import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { flagName } from '../../src/cli/model-flags.ts'
import { definitions } from '../../src/models/registry.ts'
import { writeBy } from '../read/files.ts'
import { type Ended, foci, folder } from './foci.ts'

const at = folder()
const log = at('world', 'interactions.csv')
const items = at('world', 'items.csv')
const shop = at('shop.safetensors')
const trainTiny = ['--model', 'sasrec', '--dim', '8', '--blocks', '1', '--max-length', '20', '--epochs', '2', '--seed', '7']

/** The document is all of standard output, and the process ended well. */
function parsed({ code, stdout, stderr }: Ended) {
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

const figure = { mean: expect.any(Number), low: expect.any(Number), high: expect.any(Number) }
let trained: Ended

beforeAll(async () => {
  parsed(await foci('sample', at('world'), '--users', '60', '--json'))
  trained = await foci('train', log, '--items', items, ...trainTiny, '--out', shop, '--json')
}, 30_000)

describe('sample', () => {
  it('writes the three files and says what to do next', async () => {
    const { code, stdout } = await foci('sample', at('other'), '--users', '5', '--seed', '3')
    expect(code).toBe(0)
    expect(stdout).toContain(`Next: foci train ${at('other', 'interactions.csv')} --items ${at('other', 'items.csv')} --model sasrec`)
    for (const name of ['interactions.csv', 'items.csv', 'truth.json']) expect(existsSync(at('other', name))).toBe(true)
    expect(JSON.parse(readFileSync(at('other', 'truth.json'), 'utf8'))).toMatchObject({ seed: 3 })
  })
})

describe('train', () => {
  it('prints one document with --json: the artefact, the log, each epoch and the test figures', () => {
    const document = parsed(trained)
    const rows = readFileSync(log, 'utf8').trimEnd().split('\n').length - 1
    expect(document).toMatchObject({ artefact: shop, model: 'sasrec', split: 'leave-one-out', seed: 7, options: { dim: 8, maxLength: 20 } })
    expect(document.trainedOn).toMatchObject({ rows, users: 60, unit: 'seconds', skipped: {} })
    expect(document.epochs.map(({ epoch }: { epoch: number }) => epoch)).toEqual([1, 2])
    expect(document.epochs[0]).toMatchObject({ loss: expect.any(Number), validation: { 'ndcg@10': expect.any(Number) }, best: true })
    expect(document.test.map(({ model }: { model: string }) => model)).toEqual(['sasrec', 'popularity', 'markov'])
    for (const { users, metrics } of document.test) {
      expect(users).toBe(60)
      expect(metrics).toEqual({ 'hr@10': figure, 'ndcg@10': figure, 'mrr@10': figure })
    }
  })

  it('tells the same to people on standard error then, and on standard output else', async () => {
    const epochs = /^epoch {3}1 {2}loss \d\.\d{4} {2}validation ndcg@10 \d\.\d{4} [* ] .* s\n/m
    expect(trained.stderr).toMatch(epochs)
    const { stdout, stderr } = await foci('train', log, '--items', items, ...trainTiny, '--out', at('again.safetensors'))
    expect(stderr).toBe('')
    expect(stdout).toMatch(epochs)
    expect(stdout).toMatch(/^Read .*interactions\.csv: [\d,]+ rows, 60 users, 300 items, times in seconds\.\n/)
    expect(stdout).toMatch(/^sasrec .*\npopularity .*\nmarkov .*\n/m)
    expect(stdout).toContain(`Next: foci recommend ${at('again.safetensors')} --history `)
  })

  it('writes equal artefacts for equal settings, and leaves no checkpoint behind', () => {
    expect(readFileSync(at('again.safetensors')).equals(readFileSync(shop))).toBe(true)
    expect(existsSync(`${shop}.checkpoint`)).toBe(false)
  })

  it('counts the rows that --skip-invalid leaves out', async () => {
    const path = at('dirty.csv')
    writeFileSync(path, 'who,item,timestamp\nu,a,1700000001\nu,b,1700000002\nu,,1700000003\nu,c,1700000004\n')
    const words = ['train', path, '--user-column', 'who', '--model', 'popularity', '--out', at('dirty.safetensors')]
    const refused = await foci(...words)
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/dirty\.csv, line 4, column "item": empty item[\s\S]*--skip-invalid/),
    ])
    const { stdout } = await foci(...words, '--skip-invalid')
    expect(stdout).toContain('3 rows, 1 user, 3 items')
    expect(stdout).toContain('Skipped: 1 × empty item.')
  })
})

describe('evaluate', () => {
  it('gives the figures of training again, in the shape that is documented', async () => {
    const document = parsed(await foci('evaluate', shop, log, '--items', items, '--json'))
    const [figures] = parsed(trained).test
    expect(Object.keys(figures)).toEqual(['model', 'users', 'metrics', 'seenTargets', 'untrainedTargets', 'unknownTargets'])
    expect(document).toEqual({ split: 'leave-one-out', ...figures, seconds: expect.any(Number) })
  })

  it('judges the part and the length it is asked for', async () => {
    const { stdout } = await foci('evaluate', shop, log, '--items', items, '--on', 'validation', '-k', '5')
    expect(stdout).toMatch(/^validation, 60 users .*ndcg@5/)
  })

  it('gives them without the items table too: items are matched by id, and those that the log lacks are ranked', async () => {
    const [with_, without] = [await foci('evaluate', shop, log, '--items', items, '--json'), await foci('evaluate', shop, log, '--json')]
    expect({ ...parsed(without), seconds: 0 }).toEqual({ ...parsed(with_), seconds: 0 })
  })
})

describe('a time split', () => {
  const path = at('time.safetensors')
  const settled = 'time:0.8,0.9'

  it('is reported for all users and by whether they have a history, and evaluated to the same figures', async () => {
    const { split, test } = parsed(
      await foci('train', log, '--items', items, ...trainTiny, '--split', 'time:.80,0.9', '--out', path, '--json'),
    )
    expect(split).toBe(settled)
    expect(test.map(({ model }: { model: string }) => model)).toEqual(['sasrec', 'popularity', 'markov'])
    const names = ['hr', 'ndcg', 'mrr', 'recall', 'precision', 'map'].map((name) => `${name}@10`)
    for (const { users, metrics, warm, cold, untrainedTargets } of test) {
      expect(Object.keys(metrics)).toEqual(names)
      expect(warm.users + cold.users).toBe(users)
      expect(untrainedTargets).toBeLessThan(1)
    }
    const document = parsed(await foci('evaluate', path, log, '--items', items, '--json'))
    expect(document).toEqual({ ...test[0], split: settled, seconds: expect.any(Number) })
  })

  it('is named by the artefact, which knows the training rows alone', async () => {
    const { trained } = parsed(await foci('inspect', path, '--json'))
    const times = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => Number(line.split(',')[2]))
    const cut = times.sort((a, b) => a - b)[Math.floor(0.8 * times.length)]
    const before = times.filter((time) => time < cut)
    expect(trained).toMatchObject({ split: settled, rows: before.length, time: { first: before[0], last: before.at(-1) } })
  })

  it('refuses a log without times, and names the other split', async () => {
    const path = at('positions.csv')
    writeFileSync(path, 'user,item,timestamp\nu,a,1\nu,b,2\nu,c,3\n')
    const { code, stderr } = await foci('train', path, '--model', 'markov', '--split', settled, '--out', at('positions.safetensors'))
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^error: The log's times are only positions.*\nhint: Split by leave-one-out/)])
  })

  it('is told in words', async () => {
    const { stdout } = await foci('evaluate', path, log, '--items', items, '-k', '5')
    expect(stdout).toMatch(/^test, \d+ users +sasrec\n {2}hr@5 +0\.\d{4} \(.*\n(.*\n)*Every user has a history before the cut\.\n/)
    expect(stdout).toContain(`split ${settled}, `)
  })
})

describe('final weights', () => {
  const path = at('final.safetensors')

  it('carry the figures of their twin, which say so in the document and in words', async () => {
    const [twin, words] = [parsed(trained), [log, '--items', items, ...trainTiny, '--final', '--out', path]]
    const document = parsed(await foci('train', ...words, '--json'))
    expect([twin.final, twin.scoresOf]).toEqual([false, 'artefact'])
    expect([document.final, document.scoresOf]).toEqual([true, 'twin'])
    expect(document.test).toEqual(twin.test)
    const { stdout } = await foci('train', ...words)
    expect(stdout).toMatch(
      / on leave-one-out, seed 7, then on all rows\.\nepoch {3}1 .*\nepoch {3}2 .*\nall rows, epoch {3}1 {2}loss \d\.\d{4} {2}step 1 of 2 {2}/,
    )
    expect(stdout).toContain('The figures are those of the twin, fitted on leave-one-out: the weights that were saved have seen every row.')
  })

  it('are known by inspect, and refused by evaluate', async () => {
    const rows = readFileSync(log, 'utf8').trimEnd().split('\n').length - 1
    const document = parsed(await foci('inspect', path, '--json'))
    expect(document).toMatchObject({ trained: { final: true, rows, steps: 2 }, scoresOf: 'twin' })
    const { stdout } = await foci('inspect', path)
    expect(stdout).toMatch(/^ {2}split +leave-one-out, seed 7; then fitted on all rows for 2 steps$/m)
    expect(stdout).toMatch(/^ {2}test of the twin +hr@10 0\.\d{4}/m)
    const refused = await foci('evaluate', path, log)
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: The weights .* are final.*\nhint: .*twin.*`foci inspect`/),
    ])
  })
})

describe('recommend', () => {
  it('prints the document that is documented', async () => {
    const document = parsed(await foci('recommend', shop, '--history', 'tent-2', '--history', 'nope', '-k', '3', '--explain', '--json'))
    const item = {
      item: expect.any(String),
      score: expect.any(Number),
      interest: 0,
      source: 'model',
      because: [{ item: 'tent-2', share: 1 }],
    }
    expect(document).toEqual({ items: [item, item, item], unknown: ['nope'], model: 'sasrec' })
  })

  it('shows titles, and suggests the item that was meant', async () => {
    const { stdout, stderr } = await foci('recommend', shop, '--history', 'tent-2', '--history', 'stov-1', '-k', '2')
    expect(stdout.split('\n')[0]).toMatch(/^ {3}item +title +score +source$/)
    expect(stdout.split('\n')).toHaveLength(4)
    expect(stderr).toContain('did you mean "stove-1"?')
  })

  it('gives a newcomer the popular items and says so', async () => {
    const { code, stdout, stderr } = await foci('recommend', shop, '--history', '', '-k', '2')
    expect(code).toBe(0)
    expect(stdout.match(/ popular$/gm)).toHaveLength(2)
    expect(stderr).toContain('these are the popular items')
  })

  it('looks a user up in a log, and leaves out what it is told to', async () => {
    const ask = ['recommend', shop, '--user', 'user-41', '--log', log, '-k', '2', '--json']
    const { items: first } = parsed(await foci(...ask))
    const { items: second } = parsed(await foci(...ask, '--exclude', first[0].item))
    expect(second[0].item).toBe(first[1].item)
  })

  it('spreads the items over the categories with --diversity', async () => {
    const ask = ['recommend', shop, '--history', 'tent-2', '--history', 'tent-1', '-k', '8', '--json']
    const rows = readFileSync(items, 'utf8').split('\n')
    const themes = new Map(rows.map((row) => row.split(',')).map(([item, _, theme]) => [item, theme]))
    const found = async (...words: string[]) => parsed(await foci(...ask, ...words)).items.map(({ item }: { item: string }) => item)
    const spread = (ids: string[]): number => new Set(ids.map((id) => themes.get(id))).size
    const [plain, zero, diverse] = [await found(), await found('--diversity', '0'), await found('--diversity', '1000')]
    expect(zero).toEqual(plain)
    expect(diverse[0]).toBe(plain[0])
    expect(spread(plain)).toBeLessThan(8)
    expect(spread(diverse)).toBe(8) // of the world's twelve themes
  })

  it('suggests the user that was meant', async () => {
    const { code, stderr } = await foci('recommend', shop, '--user', 'usr-41', '--log', log)
    expect([code, stderr]).toEqual([1, expect.stringContaining('Did you mean "user-41"?')])
  })

  it('fills up no further than the catalogue', async () => {
    const { stdout, stderr } = await foci('recommend', shop, '--history', 'tent-2', '-k', '100000')
    expect(stderr).toMatch(/only \d+ items are left/)
    expect(stdout).not.toContain('tent-2 ')
  })
})

describe('inspect', () => {
  it('tells an artefact by its content', async () => {
    const copy = at('no-ending')
    writeFileSync(copy, readFileSync(shop))
    const document = parsed(await foci('inspect', copy, '--json'))
    expect(document).toMatchObject({ kind: 'artefact', finished: true, parts: [{ model: 'sasrec' }], items: { count: 300, titles: true } })
    expect(document.tensors.item).toEqual([300, 8])
    expect((await foci('inspect', shop)).stdout).toContain('300 items with titles and categories')
  })

  it('measures a log', async () => {
    const document = parsed(await foci('inspect', log, '--items', items, '--json'))
    expect(document).toMatchObject({ kind: 'log', users: 60, items: 300, unit: 'seconds' })
    const { stdout } = await foci('inspect', log)
    expect(stdout).toMatch(/^ {2}users +60, 0 of them with fewer than three rows$/m)
    expect(stdout).not.toMatch(/\((target|input)\)/)
  })

  it('takes Parquet and JSON lines for CSV, as every command that reads a log does', async () => {
    const files = await Promise.all([
      writeBy(`COPY (FROM '${log}') TO $1 (FORMAT parquet)`),
      writeBy(`COPY (FROM '${log}') TO $1 (FORMAT json)`, 'log.jsonl'),
    ])
    const report = async (path: string) => [
      parsed(await foci('inspect', path, '--items', items, '--json')),
      { ...parsed(await foci('evaluate', shop, path, '--items', items, '--json')), seconds: undefined },
      parsed(await foci('recommend', shop, '--log', path, '--items', items, '--user', 'user-3', '--json')),
    ]
    const expected = await report(log)
    for (const path of files) expect(await report(path)).toEqual(expected)
  })
})

describe('models', () => {
  it('lists all, and the options of one as the flags that train takes', async () => {
    const { stdout } = await foci('models')
    for (const { name, summary } of definitions) expect(stdout).toContain(`${name} `.padEnd(12) + summary)
    const pages = await Promise.all(definitions.map(({ name }) => foci('models', name)))
    const models = (name: string) => ({ pipeline: ['markov', '--then', 'sasrec'], blend: ['sasrec', '--with', 'markov'] })[name] ?? [name]
    const helps = await Promise.all(definitions.map(({ name }) => foci('train', '--model', ...models(name), '--help')))
    definitions.forEach(({ fields }, i) => {
      for (const key of Object.keys(fields)) {
        expect(pages[i].stdout).toContain(flagName(key))
        expect(helps[i].stdout).toContain(`  ${flagName(key)} <`)
      }
    })
  })

  it('prints definitions as a document', async () => {
    const [all, one] = [parsed(await foci('models', '--json')), parsed(await foci('models', 'sasrec', '--json'))]
    expect(all.map(({ name }: { name: string }) => name)).toEqual(definitions.map(({ name }) => name))
    expect(one.options).toContainEqual({ name: 'maxLength', kind: 'integer', default: 200, help: 'the latest events that are read' })
  })
})
