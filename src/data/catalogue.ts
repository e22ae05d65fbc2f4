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
  let index: Map<string, number> | undefined
  return {
    size: ids.length,
    ids,
    titles,
    categories,
    indexOf(id) {
      index ??= new Map(ids.map((each, i) => [each, i]))
      return index.get(id) ?? -1
    },
  }
}

/** The log's items, then those that only the items table has, in order of first appearance. */
export function mergeItems(logIds: readonly string[], rows: readonly ItemRow[]): Catalogue {
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
