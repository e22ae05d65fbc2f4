/** Texts, and lists of words, as tensors of the container. */
import type { RawTensor } from './container.ts'
import { type RawTensors, readBytes, readInts, toRaw } from './tensors.ts'
import { checkIndices, checkOffsets, decodeText, encodeText } from './text.ts'
import { damaged } from './unsound.ts'

export type NamedTensor = [name: string, tensor: RawTensor]

/** Strings: `.bytes` in UTF-8 and `.offsets` [n + 1]. */
export function textTensors(name: string, strings: readonly string[], what: string): NamedTensor[] {
  const { bytes, offsets } = encodeText(strings, what)
  return [[`${name}.bytes`, { dtype: 'U8', shape: [bytes.length], bytes }], intTensor(`${name}.offsets`, offsets)]
}

export function readTexts(tensors: RawTensors, name: string, what: string): string[] {
  return decodeText({ bytes: readBytes(tensors, `${name}.bytes`), offsets: readInts(tensors, `${name}.offsets`) }, what)
}

/** Lists of words: the distinct ones in order of first appearance, and those of list i named at `.starts` [n + 1] i .. i + 1 of `.names`. */
export function listTensors(name: string, lists: readonly (readonly string[])[], what: string): NamedTensor[] {
  const indices = new Map<string, number>()
  const starts = new Int32Array(lists.length + 1)
  for (const [i, list] of lists.entries()) {
    starts[i + 1] = starts[i] + list.length
    for (const word of list) if (!indices.has(word)) indices.set(word, indices.size)
  }
  const names = new Int32Array(starts[lists.length])
  for (const [i, list] of lists.entries()) {
    list.forEach((word, j) => {
      names[starts[i] + j] = indices.get(word) ?? -1
    })
  }
  return [intTensor(`${name}.starts`, starts), intTensor(`${name}.names`, names), ...textTensors(name, [...indices.keys()], what)]
}

/** @param what names the words in errors, such as `the categories` */
export function readLists(tensors: RawTensors, name: string, n: number, what: string): (readonly string[])[] {
  const words = readTexts(tensors, name, what)
  const starts = readInts(tensors, `${name}.starts`)
  const names = readInts(tensors, `${name}.names`)
  const items = what.replace(/^the /, "the items' ")
  checkOffsets(starts, names.length, items)
  if (starts.length !== n + 1) throw damaged(`there are ${what.replace(/^the /, '')} of ${starts.length - 1} items, and ${n} items`)
  checkIndices(names, words.length, items)
  return Array.from({ length: n }, (_, i) => Array.from(names.subarray(starts[i], starts[i + 1]), (index) => words[index]))
}

/** A vector of I32 under its name. */
export const intTensor = (name: string, data: Int32Array): NamedTensor => [name, toRaw(name, { shape: [data.length], data })]

/** The indices of those that have something, [n], rising. */
export function readRising(tensors: RawTensors, name: string, V: number, what: string): Int32Array {
  const items = readInts(tensors, name)
  checkIndices(items, V, what)
  if (items.some((item, i) => i > 0 && item <= items[i - 1])) throw damaged(`the items of ${what} do not rise`)
  return items
}
