import type { Draw } from '../data/random.ts'
import type { Columns, Described } from '../data/table-columns.ts'
import type { Engine } from '../engine/engine.ts'
import type { Examples } from '../examples/examples.ts'
import type { Split } from '../split/split.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'

/**
 * What a model reads beside items and offsets. Training, evaluation, requests, programs, threads and explanations give exactly
 * this ({@link pack}), or say which column is missing.
 */
export interface Needs {
  /** Of each event of a history. */
  readonly events?: readonly ('time' | 'scene' | 'type')[]
  /** Of what is asked: when (its events then have times too), and in which scene. */
  readonly request?: readonly ('now' | 'scene')[]
  /** Columns of the items table. */
  readonly items?: readonly string[]
  /** That it tells users apart, and the columns of the users table that it reads of them; an artefact then keeps their ids. */
  readonly users?: readonly string[]
}

/** Histories of B users, jagged. Who reads a column says so in its {@link Needs}. */
export interface Histories {
  /** Item indices, i32 [T]; −1 where an item is masked in training. */
  readonly items: Tensor
  /** i32 [B + 1] */
  readonly offsets: Tensor
  /** Whole seconds since the history's first event, i32 [T]. */
  readonly times?: Tensor
  /** Scene indices, i32 [T]; −1 for one that training did not know. */
  readonly scenes?: Tensor
  /** Event type indices, i32 [T]; −1 for one that training did not know. */
  readonly types?: Tensor
  /** Whose each is, i32 [B]; −1 for a user whom training did not know. */
  readonly users?: Tensor
}

/** What is asked beside the histories, Q times: once a history; in training for each target. */
export interface Requests {
  /** Whole seconds since the first event of the history, i32 [Q]. */
  readonly now?: Tensor
  /** Scene indices, i32 [Q]; −1 for one that training did not know. */
  readonly scenes?: Tensor
}

/** Items that are asked about, jagged by user. */
export interface Candidates {
  /** Item indices, i32 [C]. */
  readonly items: Tensor
  /** i32 [B + 1] */
  readonly offsets: Tensor
}

/** Vectors of B users: S = Σ K_b rows, none for an empty history. */
export interface Interests {
  /** [S, D] */
  readonly vectors: Tensor
  /** i32 [B + 1] */
  readonly offsets: Tensor
}

/** What users may get, as a search takes it. */
export interface Masks {
  /** Items left out for each user, i32 [X] at i32 [B + 1]. */
  readonly seen: Tensor
  readonly seenOffsets: Tensor
  /** Bits of the items that may appear, i32 [⌈V/32⌉]; all where absent. */
  readonly allowed?: Tensor
}

/** The k best items of B users, best first, ties by index; −1 and −∞ where fewer than k may appear. */
export interface Best {
  /** i32 [B, k] */
  readonly items: Tensor
  /** [B, k] */
  readonly scores: Tensor
  /** Which of the user's interests each came from, i32 [B, k]; absent where a model has no several. */
  readonly interests?: Tensor
}

/**
 * All that evaluation, serving and explaining know of a model. Every model scores given candidates; one that has `best` also
 * searches the catalogue, and finds what scoring all of it would.
 */
export interface Model {
  /** Events that a history is cut to, the latest ones. */
  readonly maxLength: number
  readonly learner: Learner
  /** → [C]; 0 for users of whom nothing is known */
  score(histories: Histories, at: Requests, candidates: Candidates): Tensor
  best?(histories: Histories, at: Requests, k: number, masks: Masks): Best
  /** Which of the user's interests the score of each candidate comes from, i32 [C]; absent where a model has no several. */
  sources?(histories: Histories, at: Requests, candidates: Candidates): Tensor
  /** Users who are searched for at once, where that is fewer than usual for the memory it takes. */
  readonly usersAtOnce?: number
  /** Interest vectors of each user; an item's score is its best inner product with them. */
  interests?(histories: Histories, at: Requests): Interests
  /** Vectors of the items, [V, D]. */
  items?(): Tensor
  /**
   * Where a score is a sum over the events of the history: what each event adds to each candidate's, [P], candidate by candidate
   * as `pairs` has them.
   */
  contributions?(histories: Histories, at: Requests, candidates: Candidates): Tensor
}

/** How a model learns. */
export type Learner =
  /** Each of the models that it is made of by itself. */
  | { readonly by: 'parts' }
  /** Counts the training part of a split. */
  | { readonly by: 'counting'; fit(split: Split): void }
  /** Takes steps down the gradient of a loss. */
  | {
      readonly by: 'steps'
      readonly examples: Examples
      loss(batch: Batch): Loss
      /** Counts of the training part what the loss reads, before the first step. */
      count?(split: Split): void
      /** Negatives beside each target where labels are judged; as many as it learns from. */
      readonly negatives?: number
    }

/** A mean and of how many: parts of a batch add up, whatever is counted. */
export interface Loss {
  /** [] */
  readonly mean: Tensor
  readonly count: number
}

/** What one training step sees, or a part of it. */
export interface Batch {
  readonly histories: Histories
  /** When and where each target was, [N]. */
  readonly requests: Requests
  /** Rows of the histories that are asked for a target each, i32 [N]; each of them, in order, where absent. */
  readonly asked?: Tensor
  /** What is asked about, N items. */
  readonly targets: Candidates
  /** Whether each is wanted, [N]; all are where absent. */
  readonly labels?: Tensor
  /** How much each counts by the type of its event, [N]; 1 where absent. */
  readonly weights?: Tensor
  /** Keys the random masks and negatives of this step. Only training batches carry one. */
  readonly draw?: Draw
}

/** Users by index. */
export interface KnownUsers {
  readonly ids: { readonly length: number }
  readonly columns?: Columns
}

/** What a model is made from. */
export interface ModelContext {
  readonly engine: Engine
  /** Number of items V. */
  readonly items: number
  /** What the items table says of them. */
  readonly catalogue?: Described
  /** Those whom training knows, U of them, and what the users table says of them; where the model {@link Needs} them. */
  readonly users?: KnownUsers
  /** Parameters and state, by name. */
  readonly variables: Variables
  /** Whether searches read item vectors as 8-bit codes, which give the same bits sooner. */
  readonly quantized?: boolean
}
