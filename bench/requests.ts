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

type History = readonly string[]

const WARM = 50
const CALLS = 10_000
const SECONDS = 5
const USERS = 256
const PASSES = 2

export const readInputs = (path: string): Inputs => JSON.parse(readFileSync(path, 'utf8')) as Inputs

/** p50 and p99 of single calls, 10,000 of them or as many as five seconds allow. */
export async function latencies(histories: readonly History[], call: (history: History) => Ranking | Promise<Ranking>): Promise<Measured> {
  const rankings: Ranking[] = []
  for (const history of histories) rankings.push(await call(history))
  for (let i = rankings.length; i < WARM; i++) await call(histories[i % histories.length])
  const times: number[] = []
  const end = performance.now() + SECONDS * 1000
  while (times.length < CALLS && performance.now() < end) {
    const history = histories[times.length % histories.length]
    const start = performance.now()
    const ranking = call(history)
    if (ranking instanceof Promise) await ranking
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const quantile = (q: number): number[] => [times[Math.floor(q * (times.length - 1))]]
  return { figures: { 'ms p50': quantile(0.5), 'ms p99': quantile(0.99) }, answer: topOf(rankings) }
}

/** Users a second over all histories in batches, after a pass that warms up. */
export async function throughput(
  histories: readonly History[],
  call: (batch: readonly History[]) => readonly Ranking[] | Promise<readonly Ranking[]>,
  order?: 'by length',
): Promise<Measured> {
  const pass = async (): Promise<Ranking[]> => {
    const places = Array.from(histories.keys())
    if (order) places.sort((a, b) => histories[a].length - histories[b].length)
    const rankings: Ranking[] = new Array(histories.length)
    for (let from = 0; from < places.length; from += USERS) {
      const chosen = places.slice(from, from + USERS)
      const ranked = await call(chosen.map((place) => histories[place]))
      for (const [i, place] of chosen.entries()) rankings[place] = ranked[i]
    }
    return rankings
  }
  const rankings = await pass()
  const rates: number[] = []
  for (let i = 0; i < PASSES; i++) {
    const start = performance.now()
    await pass()
    rates.push((1000 * histories.length) / (performance.now() - start))
  }
  return { figures: { 'users/s': rates }, answer: topOf(rankings) }
}

const topOf = (rankings: readonly Ranking[]): Top => ({
  items: rankings.map(({ items }) => items),
  scores: rankings.map(({ scores }) => scores),
})
