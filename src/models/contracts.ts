import type { Engine } from '../engine/engine.ts'
import type { Draw } from '../nn/dropout.ts'
import type { Split } from '../split/split.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'

/** Histories of B users, jagged. */
export interface Histories {
  /** Item indices, i32 [T]. */
  readonly items: Tensor
  /** i32 [B + 1] */
  readonly offsets: Tensor
  /** Seconds, [T]. */
  readonly times?: Float64Array
  /** Scene indices, [T]. */
  readonly scenes?: Int32Array
}

/** What is asked beside the history. */
export interface Requests {
  /** Seconds, [B]. */
  readonly now?: Float64Array
  /** [B] */
  readonly scenes?: Int32Array
}

/** Vectors of B users: S = Σ K_b rows, none for an idle interest or an empty history. */
export interface Interests {
  /** [S, D] */
  readonly vectors: Tensor
  /** i32 [B + 1] */
  readonly offsets: Tensor
}

/** What one training step sees. */
export interface Batch {
  readonly histories: Histories
  readonly requests: Requests
  /** The item that follows each event, i32 [T]. */
  readonly targets: Tensor
  /** Keys the random masks and negatives of this step. Only training batches carry one. */
  readonly draw?: Draw
}

/** Retrieval: a history becomes interest vectors; an item's score is its best inner product with them. */
export interface Encoder {
  readonly kind: 'encoder'
  /** Events that a history is cut to, the latest ones. */
  readonly maxLength: number
  encode(histories: Histories, at: Requests): Interests
  /** [V, D] */
  items(): Tensor
  loss(batch: Batch): Tensor
}

/** Counting and matrix models: a history becomes a score for each item. */
export interface Scorer {
  readonly kind: 'scorer'
  /** Learns from the training part of a split. */
  fit(split: Split): void
  /** [B, V] */
  scores(histories: Histories, at: Requests): Tensor
}

export type Model = Encoder | Scorer

/** What a model is made from. */
export interface ModelContext {
  readonly engine: Engine
  /** Number of items V. */
  readonly items: number
  /** Parameters and state, by name. */
  readonly variables: Variables
}
