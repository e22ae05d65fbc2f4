import type { Field } from './columns.ts'
import { fault } from './row-faults.ts'

/** Fields whose values are ids, numbered by first appearance. */
export const idFields = ['user', 'item', 'scene', 'event'] as const satisfies readonly Field[]

export type IdField = (typeof idFields)[number]

/** Rows in columns in the order of the source. They come in blocks, so that nothing is copied as they grow. */
export interface Gathered {
  readonly blocks: Block[]
  /** Ids by their numbers; absent where the source has no such column. */
  readonly ids: Ids
  /** Whether there is a column of values. */
  readonly valued: boolean
}

export type Ids = Readonly<Record<'user' | 'item', Texts> & Partial<Record<'scene' | 'event', Texts>>>

/** Texts that are made when they are asked for. */
export interface Texts {
  readonly count: number
  texts(): readonly string[]
}

export const textsOfList = (list: readonly string[]): Texts => ({ count: list.length, texts: () => list })

/** Up to `blockRows` rows. */
export interface Block {
  rows: number
  /** Numbers of the ids; negative where a row has none. */
  readonly user: Int32Array
  readonly item: Int32Array
  readonly scene?: Int32Array
  readonly event?: Int32Array
  /** Times as written, or the seconds of dates. */
  readonly times: Float64Array
  /** Whether the time is a date. */
  readonly dated: Uint8Array
  /** What whole numbers beyond the doubles' precision exceed `times` by; absent where all are 0. */
  rests?: Int16Array
  /** NaN where a row has none. */
  readonly values?: Float32Array
  /** The first thing found wrong with each row. */
  readonly faults: Uint8Array
  /** Where they are known already. */
  readonly limits?: Limits
}

/** What is known of a block whose rows are sound and have numbers for times. */
export interface Limits {
  readonly least: number
  readonly most: number
  /** Whether all are whole numbers, and small ones. */
  readonly whole: boolean
}

export const blockRows = 1 << 16

export function newBlock(has: { readonly scene: boolean; readonly event: boolean; readonly value: boolean }): Block {
  const ints = () => new Int32Array(blockRows)
  return {
    rows: 0,
    user: ints(),
    item: ints(),
    ...(has.scene && { scene: ints() }),
    ...(has.event && { event: ints() }),
    times: new Float64Array(blockRows),
    dated: new Uint8Array(blockRows),
    ...(has.value && { values: new Float32Array(blockRows) }),
    faults: new Uint8Array(blockRows),
  }
}

export function bytesOfBlock({ user, item, scene, event, times, dated, values, faults }: Block): number {
  return [user, item, scene, event, times, dated, values, faults].reduce((sum, column) => sum + (column?.byteLength ?? 0), 0)
}

/** Numbers ids anew where rows that bore them fell out: by first appearance among the sound rows. */
export function renumber({ blocks, ids }: Gathered): Ids {
  const { user, item, scene, event } = ids
  return {
    user: renumberField(blocks, 'user', user.texts()),
    item: renumberField(blocks, 'item', item.texts()),
    ...(scene && { scene: renumberField(blocks, 'scene', scene.texts()) }),
    ...(event && { event: renumberField(blocks, 'event', event.texts()) }),
  }
}

function renumberField(blocks: readonly Block[], field: IdField, ids: readonly string[]): Texts {
  const numbers = new Int32Array(ids.length).fill(-1)
  const kept: string[] = []
  for (const block of blocks) {
    const codes = block[field]
    if (codes === undefined) continue
    for (let i = 0; i < block.rows; i++) {
      if (block.faults[i] !== fault.none) continue
      const old = codes[i]
      if (numbers[old] < 0) numbers[old] = kept.push(ids[old]) - 1
      codes[i] = numbers[old]
    }
  }
  return textsOfList(kept)
}
