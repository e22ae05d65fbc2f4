import { indexOfIds } from './id-index.ts'
import type { Catalogue } from './interactions.ts'

/** What an items table says of one item. */
export interface ItemRow {
  readonly item: string
  readonly title?: string
  readonly categories?: readonly string[]
}

/** A catalogue of ids in the order of their indices. The index by id is built when first asked for. */
export function catalogueOf(
  ids: readonly string[],
  titles?: readonly (string | undefined)[],
  categories?: readonly (readonly string[])[],
): Catalogue {
  let indexOf: ((id: string) => number) | undefined
  return {
    size: ids.length,
    ids,
    titles,
    categories,
    indexOf(id) {
      indexOf ??= indexOfIds(ids)
      return indexOf(id)
    },
  }
}

/** The sound rows of an items table; of the others, which have no id or that of a row before, how many and the first. */
export class ItemTable {
  readonly items: ItemRow[] = []
  /** Rows left out, by reason. */
  readonly skipped: Record<string, number> = {}
  first: { readonly index: number; readonly reason: string } | undefined
  private readonly seen = new Set<string>()
  private rows = 0

  /** Gives why it is left out, where it is. */
  add(row: { readonly [field in keyof ItemRow]: unknown }): string | undefined {
    const { title, categories } = row ?? {}
    const item = textOf(row?.item)
    if (item === undefined || /^ *$/.test(item)) return this.refuse('empty item')
    if (this.seen.has(item)) return this.refuse('item appears twice')
    if (present(title) && textOf(title) === undefined) return this.refuse('title is no text')
    if (present(categories) && !isTexts(categories)) return this.refuse('categories are no list of texts')
    this.seen.add(item)
    this.items.push({ item, ...(present(title) && { title: textOf(title) }), ...(present(categories) && { categories }) })
    this.rows++
    return undefined
  }

  private refuse(reason: string): string {
    this.skipped[reason] = (this.skipped[reason] ?? 0) + 1
    this.first ??= { index: this.rows, reason }
    this.rows++
    return reason
  }
}

const present = <T>(value: T | null | undefined): value is T => value !== undefined && value !== null

/** A text, or a whole number as one. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : Number.isSafeInteger(value) ? String(value) : undefined
}

const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((each) => typeof each === 'string')

/** The log's items, then those that only the items table has, in order of first appearance. */
export function mergeItems(logIds: readonly string[], rows: readonly ItemRow[]): Catalogue {
  if (rows.length === 0) return catalogueOf(logIds)
  const ids = [...logIds]
  const index = new Map(ids.map((id, i) => [id, i]))
  const titles: (string | undefined)[] = new Array(ids.length).fill(undefined)
  const categories: (readonly string[])[] = new Array(ids.length).fill([])
  for (const row of rows) {
    const at = index.get(row.item) ?? ids.push(row.item) - 1
    titles[at] = row.title
    categories[at] = row.categories ?? []
  }
  return catalogueOf(
    ids,
    titles.some((title) => title !== undefined) ? titles : undefined,
    categories.some((of) => of.length > 0) ? categories : undefined,
  )
}
