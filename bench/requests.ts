/** What the sides of the serving and the wasm bench share: what they are asked, and how their answers are timed. */
import { readFileSync } from 'node:fs'
import type { Top } from './compare.ts'
import type { Inputs } from './foci/inputs.ts'

/** What a side is asked to do. */
export interface Serving {
  readonly artefact: string
  readonly inputs: string
  /** All users at once, what they have seen left out; else one after the other. */
  readonly many: boolean
  /** Items of an answer. */
  readonly k: number
}

/** The best items of one user. */
export interface Ranking {
  readonly items: readonly string[]
  readonly scores: readonly number[]
}

interface Measured {
  readonly figures: Readonly<Record<string, readonly number[]>>
  readonly answer: Top
}

/** Who is asked for a ranking of what. */
export interface Question {
  readonly history: readonly string[]
  readonly items: readonly string[]
}

const WARM = 50
const CALLS = 10_000
const SECONDS = 5
const PASSES = 10

export const readInputs = (path: string): Inputs => JSON.parse(readFileSync(path, 'utf8')) as Inputs

/** What a ranker is asked. */
export function questionsOf(path: string): Question[] {
  const { histories, candidates = [] } = readInputs(path)
  return histories.map((history, i) => ({ history, items: candidates[i] }))
}

/** p50 and p99 of single calls, 10,000 of them or as many as five seconds allow. */
export async function latencies<Q>(questions: readonly Q[], call: (question: Q) => Ranking | Promise<Ranking>): Promise<Measured> {
  const rankings: Ranking[] = []
  for (const question of questions) rankings.push(await call(question))
  for (let i = rankings.length; i < WARM; i++) await call(questions[i % questions.length])
  const times: number[] = []
  const end = performance.now() + SECONDS * 1000
  while (times.length < CALLS && performance.now() < end) {
    const question = questions[times.length % questions.length]
    const start = performance.now()
    const ranking = call(question)
    if (ranking instanceof Promise) await ranking
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const quantile = (q: number): number[] => [times[Math.floor(q * (times.length - 1))]]
  return { figures: { 'ms p50': quantile(0.5), 'ms p99': quantile(0.99) }, answer: topOf(rankings) }
}

/**
 * Users a second of passes over everybody, after one that warms up and whose answers are kept.
 * @param pass hands over everybody's answers, in order, as the library gives them
 */
export async function throughput<Answer>(
  users: number,
  pass: (take: (answer: Answer) => void) => Promise<void>,
  ranking: (answer: Answer) => Ranking,
): Promise<Measured> {
  const rankings: Ranking[] = []
  await pass((answer) => rankings.push(ranking(answer)))
  const rates: number[] = []
  for (let i = 0; i < PASSES; i++) {
    let answers = 0
    const start = performance.now()
    await pass(() => answers++)
    rates.push((1000 * users) / (performance.now() - start))
    if (answers !== users) throw new Error(`${answers} of ${users} users were answered`)
  }
  return { figures: { 'users/s': rates }, answer: topOf(rankings) }
}

const topOf = (rankings: readonly Ranking[]): Top => ({
  items: rankings.map(({ items }) => items),
  scores: rankings.map(({ scores }) => scores),
})
