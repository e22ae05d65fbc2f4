/** A row-sparse matrix [V, V]: the entries of row i stand at offsets[i] .. offsets[i + 1], columns ascending. */
export interface Transitions {
  /** [V + 1] */
  readonly offsets: Int32Array
  /** [nnz] */
  readonly columns: Int32Array
  /** [nnz]; each row sums to 1 */
  readonly weights: Float32Array
}

/**
 * T_ij = Σ of 1/q over the pairs (i, then j q rows later, q ≤ window) of each user's training rows, divided by the row's sum.
 * @param items item of each row of the log, [N]
 * @param offsets where each user's rows stand, [U + 1]
 * @param ends rows offsets[u] .. ends[u] of user u train, [U]
 * @param targets what a pair counts by its later row, [N]; 1 where absent
 */
export function countTransitions(
  items: Int32Array,
  offsets: Int32Array,
  ends: Int32Array,
  V: number,
  window: number,
  targets?: Float32Array,
): Transitions {
  const { starts, rows, limits } = occurrences(items, offsets, ends, V)
  const sums = new Float64Array(V)
  const touched = new Int32Array(V)
  const transitions = new TransitionsBuilder(V)
  for (let i = 0; i < V; i++) {
    let count = 0
    for (let o = starts[i]; o < starts[i + 1]; o++) {
      const last = Math.min(rows[o] + window, limits[o] - 1)
      for (let row = rows[o] + 1; row <= last; row++) {
        const weight = targets ? targets[row] : 1
        if (weight === 0) continue
        if (sums[items[row]] === 0) touched[count++] = items[row]
        sums[items[row]] += weight / (row - rows[o])
      }
    }
    const columns = touched.subarray(0, count).sort()
    transitions.push(columns, sums)
    for (const j of columns) sums[j] = 0
  }
  return transitions.finish()
}

/** The training rows by item: those of item i stand at starts[i] .. starts[i + 1] of `rows`, with the end of their user's rows. */
function occurrences(items: Int32Array, offsets: Int32Array, ends: Int32Array, V: number) {
  const starts = new Int32Array(V + 1)
  for (let u = 0; u < ends.length; u++) for (let row = offsets[u]; row < ends[u]; row++) starts[items[row] + 1]++
  for (let i = 0; i < V; i++) starts[i + 1] += starts[i]
  const next = starts.slice()
  const rows = new Int32Array(starts[V])
  const limits = new Int32Array(starts[V])
  for (let u = 0; u < ends.length; u++) {
    for (let row = offsets[u]; row < ends[u]; row++) {
      const o = next[items[row]]++
      rows[o] = row
      limits[o] = ends[u]
    }
  }
  return { starts, rows, limits }
}

/** Takes one row after another; how many entries there will be is known only at the end. */
class TransitionsBuilder {
  private readonly offsets: Int32Array
  private columns = new Int32Array(1024)
  private weights = new Float32Array(1024)
  private rows = 0

  constructor(V: number) {
    this.offsets = new Int32Array(V + 1)
  }

  push(columns: Int32Array, sums: Float64Array): void {
    const start = this.offsets[this.rows]
    const end = start + columns.length
    if (end > this.columns.length) this.grow(Math.max(end, 2 * this.columns.length))
    let total = 0
    for (const j of columns) total += sums[j]
    this.columns.set(columns, start)
    for (let c = 0; c < columns.length; c++) this.weights[start + c] = sums[columns[c]] / total
    this.offsets[++this.rows] = end
  }

  finish(): Transitions {
    const entries = this.offsets[this.rows]
    return { offsets: this.offsets, columns: this.columns.slice(0, entries), weights: this.weights.slice(0, entries) }
  }

  private grow(capacity: number): void {
    const { columns, weights } = this
    this.columns = new Int32Array(capacity)
    this.columns.set(columns)
    this.weights = new Float32Array(capacity)
    this.weights.set(weights)
  }
}
