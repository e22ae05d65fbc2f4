import type { Bits } from './bits.ts'

/** Of a user or an item: a text, or a whole number, which is its decimal text. */
export type Id = string | number

/**
 * Who is asked about: a user of the log that the recommender was loaded with, or a history, oldest first; for a model that reads
 * users a history with the user whose it is, who need not be known.
 */
export type Whom = { readonly user: Id; readonly history?: undefined } | { readonly history: Iterable<Event>; readonly user?: Id }

/**
 * An item; with its time in milliseconds (as `Date.now()`), its scene and its event type where the model reads them. An event
 * type that the log's roles leave out of histories is left out here too.
 */
export type Event = Id | { readonly item: Id; readonly time?: number | Date; readonly scene?: string; readonly event?: string }

/** When and where a list is shown. */
export interface Moment {
  /** Milliseconds, as `Date.now()`, or a date; the present where absent. Only models that are told the time read it. */
  readonly now?: number | Date
  /** For models that are told the scene. */
  readonly scene?: string
}

/** What is asked about one user. */
export type UserRequest = Whom &
  Moment & {
    /** Items left out beside the history's own. */
    readonly seen?: Iterable<Id>
    readonly exclude?: Iterable<Id>
  }

/** How lists are made. */
export interface ListOptions {
  /** How many items; 10 where absent. */
  readonly k?: number
  readonly filter?: Filter
}

export type Request = UserRequest &
  ListOptions & {
    /**
     * λ ≥ 0, in units of the score: what an item loses for each item chosen before it that shares a category with it. The
     * items come in the order of choice, with the model's scores. 0, the default, is the order of the scores.
     */
    readonly diversity?: number
    /** Adds `because` to each item. */
    readonly explain?: boolean
  }

/** Items to be ranked for a user. */
export type RankingRequest = Whom & Moment & { readonly items: Iterable<Id> }

export interface Recommended {
  readonly item: string
  /** The model's score; 0 where the item is there for being popular. */
  readonly score: number
  /** Which of the user's interests it came from; −1 for popular items. */
  readonly interest: number
  readonly source: 'model' | 'popular'
  readonly because?: readonly Reason[]
}

/** An event of the history and its share of the reasons: the score's loss without it, over the sum of all such losses' sizes. */
export interface Reason {
  readonly item: string
  readonly share: number
}

/** What one of a user's interests is about. */
export interface InterestSummary {
  /** From 0, as lists number it. */
  readonly interest: number
  /** The items that it scores best, whether the user has seen them or not. */
  readonly items: readonly { readonly item: string; readonly score: number }[]
  /** Shares of these items that are of a category, the greatest first. */
  readonly categories: readonly { readonly name: string; readonly share: number }[]
}

export interface Recommendations {
  readonly items: readonly Recommended[]
  /** Items of the request that the artefact does not know; they were skipped. */
  readonly unknown: readonly string[]
  readonly model: string
}

/** The items that a predicate allowed, computed once. */
export class Filter {
  /** Hash of the artefact whose items the bits are. @internal */
  readonly artefact: string
  /** @internal */
  readonly bits: Bits

  /** @internal */
  constructor(artefact: string, bits: Bits) {
    this.artefact = artefact
    this.bits = bits
  }
}
