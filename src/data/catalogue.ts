import { indexOfIds } from './id-index.ts'
import type { Catalogue } from './interactions.ts'
import type { Columns } from './table-columns.ts'

/** What an items table says of one item; what else a row has are features. */
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
  columns?: Columns,
): Catalogue {
  let indexOf: ((id: string) => number) | undefined
  return {
    size: ids.length,
    ids,
    titles,
    categories,
    columns,
    indexOf(id) {
      indexOf ??= indexOfIds(ids)
      return indexOf(id)
    },
  }
}
