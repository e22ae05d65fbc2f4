import type { Catalogue } from '../data/interactions.ts'
import { columnTensors, readColumns } from './column-tensors.ts'
import type { RawTensor } from './container.ts'
import type { RawTensors } from './tensors.ts'
import { intTensor, listTensors, readLists, readRising, readTexts, textTensors } from './text-tensors.ts'
import { damaged, type Fail, unfit } from './unsound.ts'

/** What an artefact keeps of the items, by index, V of them; a log's Catalogue is one. */
export type Items = Pick<Catalogue, 'ids' | 'titles' | 'categories' | 'columns'>

const COLUMNS = 'catalogue.columns'

/** The items as an artefact keeps them: of their further columns those that the model reads. */
export function keptItems({ ids, titles, categories, columns = {} }: Items, names: readonly string[]): Items {
  const kept = Object.entries(columns).filter(([name]) => names.includes(name))
  return { ids, titles, categories, ...(kept.length > 0 && { columns: Object.fromEntries(kept) }) }
}

/**
 * The items as tensors: `catalogue.bytes` and `catalogue.offsets` [V + 1] hold the ids. Where there are titles,
 * `catalogue.titles.items` [n] lists the items that have one, and `.bytes` and `.offsets` [n + 1] hold them. Where there
 * are categories, `.bytes` and `.offsets` hold the distinct names, and those of item i are named at
 * `catalogue.categories.starts` [V + 1] i .. i + 1 of `.names`. Further columns follow (column-tensors.ts).
 */
export function catalogueTensors({ ids, titles, categories, columns }: Items): [string, RawTensor][] {
  checkUnique(ids, 'item', unfit)
  for (const [what, list] of Object.entries({ titles, categories })) {
    if (list && list.length !== ids.length) throw unfit(`there are ${list.length} ${what} for ${ids.length} items`)
  }
  return [
    ...textTensors('catalogue', ids, 'the item ids'),
    ...(titles ? titleTensors(titles) : []),
    ...(categories ? listTensors('catalogue.categories', categories, 'the categories') : []),
    ...(columns ? columnTensors(COLUMNS, columns, ids.length) : []),
  ]
}

/** The way back, which checks everything: text, offsets, indices, and that ids are unique. */
export function readCatalogue(tensors: RawTensors): Items {
  const ids = readTexts(tensors, 'catalogue', 'the item ids')
  checkUnique(ids, 'item', damaged)
  const titles = holds(tensors, 'catalogue.titles.') ? readTitles(tensors, ids.length) : undefined
  const categories = holds(tensors, 'catalogue.categories.')
    ? readLists(tensors, 'catalogue.categories', ids.length, 'the categories')
    : undefined
  const columns = holds(tensors, `${COLUMNS}.`) ? readColumns(tensors, COLUMNS, ids.length) : undefined
  return { ids, ...(titles && { titles }), ...(categories && { categories }), ...(columns && { columns }) }
}

/** The popular list [n]: distinct items. */
export function checkPopular(popular: Int32Array, V: number, fail: Fail): void {
  if (popular.length === 0 && V > 0) throw fail('the popular list is empty, so that nothing could be recommended')
  const met = new Uint8Array(V)
  for (const item of popular) {
    if (item < 0 || item >= V) throw fail(`the popular list names item ${item}, and there are ${V}`)
    if (met[item]++) throw fail(`the popular list names item ${item} twice`)
  }
}

export function checkUnique(ids: readonly string[], what: 'item' | 'user', fail: Fail): void {
  if (new Set(ids).size === ids.length) return
  const met = new Set<string>()
  for (const id of ids) {
    if (met.has(id)) throw fail(`there is the ${what} ${JSON.stringify(id.slice(0, 80))} twice`)
    met.add(id)
  }
}

function titleTensors(titles: readonly (string | undefined)[]): [string, RawTensor][] {
  const titled = Array.from(titles.keys()).filter((i) => titles[i] !== undefined)
  const texts = titled.map((i) => titles[i] ?? '')
  return [intTensor('catalogue.titles.items', Int32Array.from(titled)), ...textTensors('catalogue.titles', texts, 'the titles')]
}

function readTitles(tensors: RawTensors, V: number): (string | undefined)[] {
  const items = readRising(tensors, 'catalogue.titles.items', V, 'the titles')
  const texts = readTexts(tensors, 'catalogue.titles', 'the titles')
  if (texts.length !== items.length) throw damaged(`there are ${texts.length} titles for ${items.length} items`)
  const titles = new Array<string | undefined>(V).fill(undefined)
  items.forEach((item, i) => {
    titles[item] = texts[i]
  })
  return titles
}

export const holds = (tensors: RawTensors, prefix: string): boolean => [...tensors.keys()].some((name) => name.startsWith(prefix))
