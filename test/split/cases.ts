import type { Case, Cases } from '../../src/split/split.ts'

/** The cases one by one. */
export function listed({ users, ends, rows, relevant, relevantOffsets }: Cases): Case[] {
  return Array.from(users, (user, i) => ({
    user,
    end: ends[i],
    row: rows[i],
    relevant: [...relevant.subarray(relevantOffsets[i], relevantOffsets[i + 1])],
  }))
}
