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

/** The sound rows of an items table, and where and why the others are not: no id, or the id of a row before. */
export function soundItems(rows: Iterable<ItemRow>): { items: ItemRow[]; bad: { index: number; reason: string }[] } {
  const items: ItemRow[] = []
  const bad: { index: number; reason: string }[] = []
  const seen = new Set<string>()
  let index = 0
  for (const row of rows) {
    const id: unknown = row?.item
    if (typeof id !== 'string' || /^ *$/.test(id)) bad.push({ index, reason: 'empty item' })
    else if (seen.has(id)) bad.push({ index, reason: 'item appears twice' })
    else items.push(row)
    if (typeof id === 'string') seen.add(id)
    index++
  }
  return { items, bad }
}

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
