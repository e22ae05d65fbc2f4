import { z } from 'zod/mini'
import type { EventRoles, TimeUnit } from '../data/interactions.ts'
import { type Precision, precisions } from '../engine/engine.ts'
import { isObject, type JsonValue } from './canonical.ts'
import type { Fail } from './unsound.ts'

export const VERSION = 1

/** One model of the artefact; a pipeline or a blend has several. */
export interface Part {
  readonly model: string
  /** Whole options, as the model's schema settles them. */
  readonly options: Readonly<Record<string, JsonValue>>
}

/** What the weights were learned from, and how. */
export interface Trained {
  /** Rows, users and items of the training part; of the whole log where `final`. */
  readonly rows: number
  readonly users: number
  readonly items: number
  /** Times of its first and last row, in seconds since 1970, or positions where the unit is `ordinal`; absent without rows. */
  readonly time?: { readonly first: number; readonly last: number; readonly unit: TimeUnit }
  /** As `--split` takes it: `leave-one-out`, `time:0.8,0.9`. */
  readonly split: string
  readonly seed: number
  /** Hash of the whole log. */
  readonly log: string
  /** Epochs and optimiser steps behind these weights; absent where a model is counted, and the epochs where `final`. */
  readonly epochs?: number
  readonly steps?: number
  readonly precision: Precision
  /** How steps were taken: optimiser, schedule, what the run was judged by and the rest; absent where a model is counted. */
  readonly training?: Readonly<Record<string, JsonValue>>
  /** True where the weights were fitted on all rows, and the scores are those of a twin that saw the training part alone. */
  readonly final?: boolean
}

/** A metric's mean over users, and its 95% interval where one was taken. */
export interface Score {
  readonly mean: number
  readonly low?: number
  readonly high?: number
}

/** By part of the split (`validation`, `test`): the users asked, and the metrics by name, such as `ndcg@10`. */
export type Scores = Readonly<Record<string, { readonly users: number; readonly metrics: Readonly<Record<string, Score>> }>>

/** The JSON of an artefact, but for its checksum. */
export interface About {
  readonly version: typeof VERSION
  readonly parts: readonly Part[]
  readonly roles: EventRoles
  /** Names of scenes and of event types by their indices, where the model reads them. */
  readonly scenes?: readonly string[]
  readonly events?: readonly string[]
  readonly trained: Trained
  readonly scores: Scores
  /** What a run needs to go on: step, epoch, best score, optimiser settings, the run's key. Absent in a finished artefact. */
  readonly checkpoint?: Readonly<Record<string, JsonValue>>
}

const count = z.int().check(z.gte(0))
const names = z.array(z.string())
const json = z.record(z.string(), z.unknown() as z.ZodMiniType<JsonValue>) // the JSON parser vouches for the values

const time = z.strictObject({
  first: z.number(),
  last: z.number(),
  unit: z.enum(['seconds', 'milliseconds', 'microseconds', 'nanoseconds', 'iso', 'ordinal']),
})

const score = z.strictObject({ mean: z.number(), low: z.optional(z.number()), high: z.optional(z.number()) })

const about: z.ZodMiniType<About> = z.strictObject({
  version: z.literal(VERSION),
  parts: z.array(z.strictObject({ model: z.string(), options: json })).check(z.minLength(1)),
  roles: z.strictObject({
    target: z.optional(names),
    input: z.optional(names),
    weight: z.optional(z.record(z.string(), z.number())),
    shown: z.optional(names),
    negative: z.optional(names),
    seen: z.optional(z.union([names, z.literal('none')])),
  }),
  scenes: z.optional(names),
  events: z.optional(names),
  trained: z.strictObject({
    rows: count,
    users: count,
    items: count,
    time: z.optional(time),
    split: z.string(),
    seed: z.int(),
    log: z.string(),
    epochs: z.optional(count),
    steps: z.optional(count),
    precision: z.enum(precisions),
    training: z.optional(json),
    final: z.optional(z.boolean()),
  }),
  scores: z.record(z.string(), z.strictObject({ users: count, metrics: z.record(z.string(), score) })),
  checkpoint: z.optional(json),
})

/** Parsed JSON as what an artefact tells of itself; the error names the first entry that does not fit. */
export function checkAbout(value: unknown, fail: Fail): About {
  if (!isObject(value) || typeof value.version !== 'number') throw fail('the JSON has no version')
  if (value.version !== VERSION) {
    throw fail(
      `it has version ${value.version} of the format and this foci knows version ${VERSION}`,
      'Update foci, or train again with this one.',
    )
  }
  const result = about.safeParse(value)
  if (result.success) return result.data
  const [{ path, code, ...issue }] = result.error.issues
  const due = 'values' in issue ? issue.values.join(' or ') : 'expected' in issue && issue.expected
  const expected = due ? `: ${due} expected` : ` (${code.replaceAll('_', ' ')})`
  throw fail(`the JSON does not fit at ${path.join('.') || 'its top'}${expected}`)
}
