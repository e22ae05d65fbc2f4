import type { Draw } from '../data/random.ts'
import type { Windows } from '../split/windows.ts'

/**
 * What a step learns from: B histories, jagged, and N things that are asked about, as rows of the log throughout, so that
 * every column that a model needs can be taken from it.
 */
export interface ExampleSet {
  /** Rows that are read, [T]; `masked(row)` where the model is not told the item. */
  readonly history: Int32Array
  /** [B + 1] */
  readonly offsets: Int32Array
  /** Places in `history` that are asked, ascending, [N]; each of them, in order, where absent. */
  readonly asked?: Int32Array
  /** Rows that are asked about, [N]: when, where and by what event. */
  readonly rows: Int32Array
  /** Of which history each is, [B + 1]. */
  readonly rowOffsets: Int32Array
  /** Items that are asked about, [N]; those of `rows` where absent. */
  readonly targets?: Int32Array
  /** 1 where a target is wanted, 0 where it is not, [N]; all are where absent. */
  readonly labels?: Float32Array
}

/**
 * How windows of the log become the examples of a step: one of the files beside this one, chosen by a model.
 * @param chosen windows of the step
 * @param draw what is drawn depends on its seed and epoch, and on the window, alone
 */
export type Examples = (windows: Windows, chosen: Int32Array, draw: Draw) => ExampleSet

/** A row whose item is hidden; its own inverse. */
export const masked = (row: number): number => ~row

/** Jagged rows in the making. */
export class JaggedRows {
  private readonly lists: Int32Array[] = []

  push(rows: Int32Array): void {
    this.lists.push(rows)
  }

  /** All rows, and where each list ends. */
  join(): { readonly values: Int32Array; readonly offsets: Int32Array } {
    const offsets = new Int32Array(this.lists.length + 1)
    for (let b = 0; b < this.lists.length; b++) offsets[b + 1] = offsets[b] + this.lists[b].length
    const values = new Int32Array(offsets[this.lists.length])
    for (let b = 0; b < this.lists.length; b++) values.set(this.lists[b], offsets[b])
    return { values, offsets }
  }
}
