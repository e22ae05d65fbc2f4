import type { Scene } from './themes.ts'

/** One row of the log. */
export interface SampleEvent {
  readonly user: string
  readonly item: string
  /** Seconds since 1970. */
  readonly timestamp: number
  readonly scene: Scene
  readonly event: 'view' | 'cart' | 'buy'
}

/** What a model should find. */
export interface SampleTruth {
  readonly seed: number
  /** First second of the log, and its days. */
  readonly start: number
  readonly days: number
  /** Day on which the interests of some users drift. */
  readonly driftDay: number
  /** Items of each theme. */
  readonly themes: Readonly<Record<string, readonly string[]>>
  /** For each theme and scene, the order in which its items lead to each other; the last leads to the first. */
  readonly orders: Readonly<Record<string, Readonly<Record<Scene, readonly string[]>>>>
  readonly users: Readonly<Record<string, UserTruth>>
}

export interface UserTruth {
  /** Two to four themes, before any drift. */
  readonly themes: readonly string[]
  /** The theme that another one replaces on the drift day. */
  readonly drift?: { readonly from: string; readonly to: string }
  /** The item that is bought again and again. */
  readonly repeats?: string
}
