import { FociError } from '../errors.ts'
import type { Bits } from './bits.ts'
import type { Asked } from './lookup.ts'
import { fillUp, type Ranked, type RankRequest } from './ranking.ts'

/** How users are ranked, and by whom. */
export interface Plan {
  /** Users of a batch. */
  readonly size: number
  /** Batches that are on their way at most. */
  readonly ahead: number
  readonly k: number
  readonly allowed: Bits
  /** Item indices, the most popular first. */
  readonly popular: Int32Array
  /** Room for users who are asked about. */
  empty(): Asked
  rank(request: RankRequest): Promise<Ranked>
}

/** The lists of B users, k places each. */
export interface RankedUsers extends Ranked {
  readonly users: number
  /** Items that the artefact does not know, by the place of the user who named them. */
  readonly unknown: ReadonlyMap<number, readonly string[]>
}

export type Source<T> = Iterable<T> | AsyncIterable<T>
export type RankedStream = AsyncGenerator<RankedUsers, void, undefined>

/** Ranks on this thread, which gets to other things before each batch. */
export const inPlace =
  (rank: (request: RankRequest) => Ranked): Plan['rank'] =>
  async (request) => {
    await new Promise((resolve) => setTimeout(resolve))
    return rank(request)
  }

/** Why a source ended before its time. */
interface Failed {
  readonly error: unknown
}

/** Makes batches of `size` users; `empty` is what the next one goes to. */
export type Batches = (size: number, empty: () => Asked) => Source<Asked | Failed>

/**
 * Ranks users in batches, a few of which are on their way at a time, and gives them in their order. Where a batch failed, the
 * users before it come first.
 */
export async function* rankMany(batches: Batches, plan: Plan): RankedStream {
  const open: Promise<RankedUsers>[] = []
  const idle: Asked[] = []
  let failed: Failed | undefined
  for await (const batch of batches(plan.size, () => idle.pop() ?? plan.empty())) {
    if ('error' in batch) failed = batch
    else open.push(rankBatch(batch, plan, idle))
    if (open.length === plan.ahead) yield await open.splice(0, 1)[0]
  }
  for (const batch of open) yield await batch
  if (failed) throw failed.error
}

/** @param add adds some of `count` users, from an index to before another */
export const ofUsers = (first: number, count: number, add: (first: number, end: number, to: Asked) => void): Batches =>
  function* (size, empty) {
    for (let from = first; from < count; from += size) {
      const batch = empty()
      add(from, Math.min(from + size, count), batch)
      yield batch
    }
  }

/** @param read adds one of the source to those who are asked about */
export const ofRequests =
  <T>(source: Source<T>, read: (each: T, to: Asked) => void): Batches =>
  (size, empty) =>
    batches(source, read, size, empty)

async function* batches<T>(
  source: Source<T>,
  read: (each: T, to: Asked) => void,
  size: number,
  empty: () => Asked,
): AsyncGenerator<Asked | Failed, void, undefined> {
  let batch = empty()
  let index = 0
  /** The batch, once it is full. */
  const add = (each: T): Asked | undefined => {
    readAt(index++, () => read(each, batch))
    if (batch.users < size) return undefined
    const full = batch
    batch = empty()
    return full
  }
  let failed: Failed | undefined
  try {
    if (Symbol.iterator in source) yield* filled(source, add)
    else
      for await (const each of source) {
        const full = add(each)
        if (full) yield full
      }
  } catch (error) {
    failed = { error }
  }
  if (batch.users > 0) yield batch
  if (failed) yield failed
}

/** Without a wait for each of the source. */
function* filled<T>(source: Iterable<T>, add: (each: T) => Asked | undefined): Generator<Asked> {
  for (const each of source) {
    const full = add(each)
    if (full) yield full
  }
}

/** An error says which request it is about. */
function readAt(index: number, read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof FociError)) throw error
    throw new FociError(error.code, `requests[${index}]: ${error.message}`, error.hint, { cause: error })
  }
}

/** @param idle gets what was asked, in which memory the next batches are asked */
function rankBatch(asked: Asked, { k, allowed, popular, rank }: Plan, idle: Asked[]): Promise<RankedUsers> {
  const { users, unknown } = asked
  const ranking = rank({ ...asked.view(), k, allowed: allowed.mask }).then((ranked) => {
    fillUp(ranked, asked.view(), allowed, popular)
    asked.clear()
    idle.push(asked)
    return { ...ranked, users, unknown }
  })
  ranking.catch(() => undefined) // its turn to be awaited may never come
  return ranking
}
