import type { Catalogue } from '../data/interactions.ts'
import type { RawTensor } from './container.ts'
import { type RawTensors, readBytes, readInts, toRaw } from './tensors.ts'
import { checkIndices, checkOffsets, decodeText, encodeText, type Text } from './text.ts'
import { damaged, type Fail, unfit } from './unsound.ts'

/** What an artefact keeps of the items, by index, V of them; a log's Catalogue is one. */
export type Items = Pick<Catalogue, 'ids' | 'titles' | 'categories'>

/**
 * The items as tensors: `catalogue.bytes` and `catalogue.offsets` [V + 1] hold the ids. Where there are titles,
 * `catalogue.titles.items` [n] lists the items that have one, and `.bytes` and `.offsets` [n + 1] hold them. Where there
 * are categories, `.bytes` and `.offsets` hold the distinct names, and those of item i are named at
 * `catalogue.categories.starts` [V + 1] i .. i + 1 of `.names`.
 */
export function catalogueTensors({ ids, titles, categories }: Items): [string, RawTensor][] {
  checkUnique(ids, unfit)
  for (const [what, list] of Object.entries({ titles, categories })) {
    if (list && list.length !== ids.length) throw unfit(`there are ${list.length} ${what} for ${ids.length} items`)
  }
  return [
    ...textTensors('catalogue', encodeText(ids, 'the item ids')),
    ...(titles ? titleTensors(titles) : []),
    ...(categories ? categoryTensors(categories) : []),
  ]
}

/** The way back, which checks everything: text, offsets, indices, and that ids are unique. */
export function readCatalogue(tensors: RawTensors): Items {
  const ids = decodeText(readText(tensors, 'catalogue'), 'the item ids')
  checkUnique(ids, damaged)
  const titles = holds(tensors, 'catalogue.titles.') ? readTitles(tensors, ids.length) : undefined
  const categories = holds(tensors, 'catalogue.categories.') ? readCategories(tensors, ids.length) : undefined
  return { ids, ...(titles && { titles }), ...(categories && { categories }) }
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

function checkUnique(ids: readonly string[], fail: Fail): void {
  if (new Set(ids).size === ids.length) return
  const met = new Set<string>()
  for (const id of ids) {
    if (met.has(id)) throw fail(`the catalogue has the item ${JSON.stringify(id.slice(0, 80))} twice`)
    met.add(id)
  }
}

function titleTensors(titles: readonly (string | undefined)[]): [string, RawTensor][] {
  const titled = Array.from(titles.keys()).filter((i) => titles[i] !== undefined)
  const text = encodeText(
    titled.map((i) => titles[i] ?? ''),
    'the titles',
  )
  return [words('catalogue.titles.items', Int32Array.from(titled)), ...textTensors('catalogue.titles', text)]
}

function readTitles(tensors: RawTensors, V: number): (string | undefined)[] {
  const items = readInts(tensors, 'catalogue.titles.items')
  checkIndices(items, V, 'the titles')
  if (items.some((item, i) => i > 0 && item <= items[i - 1])) throw damaged('the items that have a title do not rise')
  const texts = decodeText(readText(tensors, 'catalogue.titles'), 'the titles')
  if (texts.length !== items.length) throw damaged(`there are ${texts.length} titles for ${items.length} items`)
  const titles = new Array<string | undefined>(V).fill(undefined)
  items.forEach((item, i) => {
    titles[item] = texts[i]
  })
  return titles
}

function categoryTensors(categories: readonly (readonly string[])[]): [string, RawTensor][] {
  const indices = new Map<string, number>()
  for (const name of categories.flat()) if (!indices.has(name)) indices.set(name, indices.size)
  const starts = new Int32Array(categories.length + 1)
  categories.forEach((list, i) => {
    starts[i + 1] = starts[i] + list.length
  })
  return [
    words('catalogue.categories.starts', starts),
    words(
      'catalogue.categories.names',
      Int32Array.from(categories.flat(), (name) => indices.get(name) ?? -1),
    ),
    ...textTensors('catalogue.categories', encodeText([...indices.keys()], 'the categories')),
  ]
}

function readCategories(tensors: RawTensors, V: number): (readonly string[])[] {
  const names = decodeText(readText(tensors, 'catalogue.categories'), 'the categories')
  const starts = readInts(tensors, 'catalogue.categories.starts')
  const indices = readInts(tensors, 'catalogue.categories.names')
  checkOffsets(starts, indices.length, "the items' categories")
  if (starts.length !== V + 1) throw damaged(`there are categories of ${starts.length - 1} items, and ${V} items`)
  checkIndices(indices, names.length, "the items' categories")
  return Array.from({ length: V }, (_, i) => Array.from(indices.subarray(starts[i], starts[i + 1]), (index) => names[index]))
}

function textTensors(name: string, { bytes, offsets }: Text): [string, RawTensor][] {
  return [[`${name}.bytes`, { dtype: 'U8', shape: [bytes.length], bytes }], words(`${name}.offsets`, offsets)]
}

function readText(tensors: RawTensors, name: string): Text {
  return { bytes: readBytes(tensors, `${name}.bytes`), offsets: readInts(tensors, `${name}.offsets`) }
}

const holds = (tensors: RawTensors, prefix: string): boolean => [...tensors.keys()].some((name) => name.startsWith(prefix))

/** A vector of I32 under its name. */
const words = (name: string, data: Int32Array): [string, RawTensor] => [name, toRaw(name, { shape: [data.length], data })]
