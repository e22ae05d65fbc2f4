import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Ended, foci, folder } from './foci.ts'

/** What the commands tell of models with several interests, and of rankers. */
const at = folder()
const log = at('world', 'interactions.csv')
const items = ['--items', at('world', 'items.csv')]
const several = at('several.safetensors')
const pipe = at('pipe.safetensors')

function parsed({ code, stdout, stderr }: Ended) {
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

interface Listed {
  readonly item: string
  readonly interest: number
}

let trained: Ended
let piped: Ended

beforeAll(async () => {
  parsed(await foci('sample', at('world'), '--users', '60', '--json'))
  const quick = ['--epochs', '3', '--seed', '7', '--max-length', '20']
  trained = await foci('train', log, ...items, '--model', 'comirec', '--dim', '16', ...quick, '--out', several, '--json')
  const ranker = ['--then', 'din', '--then-dim', '8', '--then-epochs', '2', '--then-max-length', '20']
  piped = await foci('train', log, ...items, '--model', 'sasrec', '--dim', '8', ...quick, ...ranker, '--out', pipe)
}, 60_000)

describe('a model with several interests', () => {
  it('tells in its report and in that of evaluate whether they are several', async () => {
    const [row] = parsed(trained).test
    expect(row.interests).toMatchObject({ users: 60, interests: 4 })
    const { interests } = parsed(await foci('evaluate', several, log, '--json'))
    expect(interests).toEqual(row.interests)
    const { stdout } = await foci('evaluate', several, log)
    expect(stdout).toMatch(/^interests of comirec, 60 users: \d\.\d of 4 by the targets .* \(\d dead\), mean cosine -?\d\.\d\d, /m)
  })

  it('numbers the interest of an item alike in the table, in the document and in files of lists', async () => {
    const whom = ['--user', 'user-3', '--log', log]
    const listed: Listed[] = parsed(await foci('recommend', several, ...whom, '--json')).items
    expect(new Set(listed.map(({ interest }) => interest)).size).toBeGreaterThan(1)
    const { stdout } = await foci('recommend', several, ...whom)
    const [head, ...lines] = stdout.trimEnd().split('\n')
    const column = head.indexOf('interest')
    expect(lines.map((line) => Number(line.slice(column).trim().split(/\s/)[0]))).toEqual(listed.map(({ interest }) => interest))
    await foci('batch', several, log, '--out', at('lists.csv'))
    await foci('batch', several, log, '--out', at('lists.jsonl'))
    const csv = readFileSync(at('lists.csv'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(','))
    const own = csv.filter(([user]) => user === 'user-3').map(([, , item, , interest]) => ({ item, interest: Number(interest) }))
    expect(own).toEqual(listed.map(({ item, interest }) => ({ item, interest })))
    const rows = readFileSync(at('lists.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const same = rows.filter(({ user }) => user === 'user-3').map(({ item, interest }) => ({ item, interest }))
    expect(same).toEqual(own)
    const wanted = [...listed].reverse().flatMap(({ item }) => ['--item', item])
    const ranked: Listed[] = parsed(await foci('rank', several, ...wanted, ...whom, '--json')).items
    expect(ranked.map(({ item, interest }) => ({ item, interest }))).toEqual(own)
    const { interests } = parsed(await foci('interests', several, ...whom, '-k', '300', '--json'))
    for (const { item, interest } of listed) {
      const places = interests.map((each: { items: Listed[] }) => each.items.find((other) => other.item === item))
      const scores = places.map((place: { score: number } | undefined) => place?.score ?? Number.NEGATIVE_INFINITY)
      expect(scores.indexOf(Math.max(...scores))).toBe(interest)
    }
  })

  it('spreads its lists over categories', async () => {
    const whom = ['--user', 'user-3', '--log', log, '--json']
    const [plain, spread] = await Promise.all([
      foci('recommend', several, ...whom),
      foci('recommend', several, ...whom, '--diversity', '100'),
    ])
    const categories = new Map(
      readFileSync(items[1], 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => line.split(','))
        .map(([item, , category]) => [item, category]),
    )
    const kinds = (ended: Ended): number => new Set(parsed(ended).items.map(({ item }: Listed) => categories.get(item))).size
    expect(kinds(spread)).toBe(10)
    expect(kinds(spread)).toBeGreaterThan(kinds(plain))
  })

  it('tells what each interest is about, and that others have none', async () => {
    const { stdout } = await foci('interests', several, '--user', 'user-3', '--log', log, '-k', '2')
    expect(stdout).toMatch(/^interest {2}categories .*items\n {7}0 {2}\S+ \d+\.\d%.*\n {7}1 /)
    const newcomer = await foci('interests', several, '--history', '')
    expect([newcomer.code, newcomer.stdout, newcomer.stderr]).toEqual([
      0,
      '',
      'note: nothing is known of this user, who has no interests yet.\n',
    ])
    parsed(await foci('train', log, '--model', 'markov', '--out', at('counted.safetensors'), '--json'))
    const counted = await foci('interests', at('counted.safetensors'), '--history', 'tent-1')
    expect([counted.code, counted.stderr]).toEqual([1, expect.stringContaining('The model markov has no interest vectors.')])
  })
})

describe('a ranker behind a search', () => {
  it('is trained, and reported beside the search alone and by what it tells apart', () => {
    expect(piped.code, piped.stderr).toBe(0)
    expect(piped.stdout).toMatch(
      /^pipeline .*\nsasrec .*\npopularity .*\nmarkov .*\nlabelled candidates, \d+ users +auc +gauc +logloss *\npipeline /m,
    )
    expect(piped.stdout).toMatch(/^din epoch {3}2 {2}loss \d\.\d{4} {2}validation gauc \d\.\d{4}/m)
  })

  it('evaluates, recommends, ranks and writes lists, which agree', async () => {
    const { labels } = parsed(await foci('evaluate', pipe, log, '--json'))
    expect(Object.keys(labels.metrics)).toEqual(['auc', 'gauc', 'logloss'])
    const whom = ['--user', 'user-3', '--log', log, '--json']
    const { items: listed } = parsed(await foci('recommend', pipe, ...whom))
    const wanted = [...listed].reverse().flatMap(({ item }: Listed) => ['--item', item])
    const { items: ranked } = parsed(await foci('rank', pipe, ...wanted, ...whom))
    expect(ranked.map(({ item }: Listed) => item)).toEqual(listed.map(({ item }: Listed) => item))
    await foci('batch', pipe, log, '--out', at('piped.csv'))
    const rows = readFileSync(at('piped.csv'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('user-3,'))
    expect(rows.map((row) => row.split(',')[2])).toEqual(listed.map(({ item }: Listed) => item))
  })
})
