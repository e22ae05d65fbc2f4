/** What is computed for every pair of an event and a candidate of one user: P of them, candidate by candidate, as `pairs` has them. */
import type { Engine, Id } from '../engine/engine.ts'
import { Tensor } from '../tensor/tensor.ts'

/** Every pair of an event and a candidate of one user, candidate by candidate. */
export interface Pairs {
  /** Row of each pair's event, i32 [P]. */
  readonly events: Tensor
  /** Row of each pair's candidate, i32 [P]. */
  readonly candidates: Tensor
  /** Offsets of the pairs by candidate, i32 [C + 1]: a segmentSum over them gives a row a candidate. */
  readonly offsets: Tensor
}

/**
 * @param offsets of events, i32 [B + 1]
 * @param candidateOffsets i32 [B + 1]
 */
export function pairs(offsets: Tensor, candidateOffsets: Tensor): Pairs {
  const { engine } = offsets
  const found = Array.from(engine.pairs(offsets.id, candidateOffsets.id), (id) => new Tensor(engine, id))
  return { events: found[0], candidates: found[1], offsets: found[2] }
}

/** Where the events and the candidates of B users stand, both i32 [B + 1]. */
export interface PairPlaces {
  readonly offsets: Tensor
  readonly candidateOffsets: Tensor
}

/** What {@link pairLinear} reads, T events and C candidates. */
export interface PairLinear {
  /** [T, O] */
  readonly events: Tensor
  /** [C, O] */
  readonly candidates: Tensor
  /** [T, I] */
  readonly ofEvents: Tensor
  /** [C, I] */
  readonly ofCandidates: Tensor
  /** [I, O] */
  readonly weight: Tensor
}

/**
 * events_t + candidates_c + (ofEvents_t ⊙ ofCandidates_c) · weight for each pair: a linear layer over [x; y; x ⊙ y], of which the
 * parts that read one of the two alone are made once an event and once a candidate.
 * @returns [P, O]
 */
export function pairLinear({ events, candidates, ofEvents, ofCandidates, weight }: PairLinear, places: PairPlaces): Tensor {
  const operands = [events, candidates, ofEvents, ofCandidates, weight]
  const [a, b, x, y, w] = operands.map(({ id }) => id)
  const [offsets, candidateOffsets] = [places.offsets.id, places.candidateOffsets.id]
  return events.derive(
    'pairLinear',
    (e) => e.pairLinear(a, b, x, y, w, offsets, candidateOffsets),
    operands,
    (_, dy, e) => pairLinearGradient(e, [x, y, w], [offsets, candidateOffsets], dy),
  )
}

/** Of all operands, from those that are multiplied. */
export function pairLinearGradient(e: Engine, [x, y, w]: readonly Id[], places: readonly Id[], dy: Id): Id[] {
  return within(e, () => {
    const { events, candidates, ends } = pairsAt(e, places)
    const [xs, ys] = [e.gather(x, events), e.gather(y, candidates)] // [P, I]
    const products = e.linearInputGradient(dy, w) // [P, I]
    const byEvent = (d: Id): Id => sumByEvent(e, d, events, e.shape(x)[0])
    return [
      byEvent(dy),
      e.segmentSum(dy, ends),
      byEvent(e.multiply(products, ys)),
      e.segmentSum(e.multiply(products, xs), ends),
      e.linearWeightGradient(e.multiply(xs, ys), dy),
    ]
  })
}

/**
 * Of each candidate Σ_t weights[c, t] · values[t] over the events of its user.
 * @param weights [P]
 * @param values [T, D]
 * @returns [C, D], zeros for no events
 */
export function pairMix(weights: Tensor, values: Tensor, places: PairPlaces): Tensor {
  const [offsets, candidateOffsets] = [places.offsets.id, places.candidateOffsets.id]
  return values.derive(
    'pairMix',
    (e) => e.pairMix(weights.id, values.id, offsets, candidateOffsets),
    [weights, values],
    (_, dy, e) => pairMixGradient(e, [weights.id, values.id], [offsets, candidateOffsets], dy),
  )
}

/** [dweights [P], dvalues [T, D]] from dy [C, D]. */
export function pairMixGradient(e: Engine, [weights, values]: readonly Id[], places: readonly Id[], dy: Id): Id[] {
  return within(e, () => {
    const { events, candidates } = pairsAt(e, places)
    const upstream = e.gather(dy, candidates) // [P, D]
    const ofValues = sumByEvent(e, e.scaleRows(upstream, weights), events, e.shape(values)[0])
    return [e.rowDot(upstream, e.gather(values, events)), ofValues]
  })
}

function pairsAt(e: Engine, [offsets, candidateOffsets]: readonly Id[]): Record<'events' | 'candidates' | 'ends', Id> {
  const [events, candidates, ends] = Array.from(e.pairs(offsets, candidateOffsets))
  return { events, candidates, ends }
}

/** Rows of pairs [P, D] summed for each of T events. */
function sumByEvent(e: Engine, rows: Id, events: Id, count: number): Id {
  const [sums, ids] = Array.from(e.gatherGradient(rows, events))
  return e.scatter(sums, ids, count)
}

/** Frees what a gradient made on its way: a row for each pair is large. */
function within(e: Engine, gradient: () => Id[]): Id[] {
  e.openScope()
  let kept: Id[] = []
  try {
    kept = gradient()
  } finally {
    e.closeScope(Uint32Array.from(kept))
  }
  return kept
}
