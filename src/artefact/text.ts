/** Lists of strings as two tensors: UTF-8 bytes one after the other, and where each begins. */
import { shown } from '../data/options.ts'
import { isIllFormed } from './canonical.ts'
import { damaged, unfit } from './unsound.ts'

export interface Text {
  readonly bytes: Uint8Array
  /** [n + 1], from 0 to the number of bytes. */
  readonly offsets: Int32Array
}

const MAX_BYTES = 2 ** 31 - 1

/** @param what names the list in errors */
export function encodeText(strings: readonly string[], what: string): Text {
  const odd = strings.findIndex((text) => typeof text !== 'string') // of callers without types
  if (odd >= 0) throw unfit(`entry ${odd} of ${what} is ${shown(strings[odd])} and no text`)
  const room = strings.reduce((sum, text) => sum + 3 * text.length, 0) // a UTF-16 unit takes 3 bytes at most
  if (room > MAX_BYTES) throw unfit(`${what} take more than ${MAX_BYTES} bytes`)
  const bytes = new Uint8Array(room)
  const offsets = new Int32Array(strings.length + 1)
  const encoder = new TextEncoder()
  strings.forEach((text, i) => {
    if (isIllFormed(text)) throw unfit(`entry ${i} of ${what}, ${JSON.stringify(text.slice(0, 80))}, holds half a surrogate pair`)
    offsets[i + 1] = offsets[i] + encoder.encodeInto(text, bytes.subarray(offsets[i])).written
  })
  return { bytes: bytes.subarray(0, offsets[strings.length]), offsets }
}

export function decodeText({ bytes, offsets }: Text, what: string): string[] {
  checkOffsets(offsets, bytes.length, what)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const whole = tryDecode(decoder, bytes)
  if (whole?.length === bytes.length) return Array.from({ length: offsets.length - 1 }, (_, i) => whole.slice(offsets[i], offsets[i + 1]))
  return Array.from({ length: offsets.length - 1 }, (_, i) => {
    const text = tryDecode(decoder, bytes.subarray(offsets[i], offsets[i + 1]))
    if (text === undefined) throw damaged(`entry ${i} of ${what} is not UTF-8`)
    return text
  })
}

/** Offsets that start at 0, never fall and end at `end`. */
export function checkOffsets(offsets: Int32Array, end: number, what: string): void {
  if (offsets.length === 0 || offsets[0] !== 0) throw damaged(`the offsets of ${what} do not start at 0`)
  const falls = offsets.findIndex((offset, i) => i > 0 && offset < offsets[i - 1])
  if (falls > 0) throw damaged(`the offsets of ${what} fall from ${offsets[falls - 1]} to ${offsets[falls]} at ${falls}`)
  const last = offsets[offsets.length - 1]
  if (last !== end) throw damaged(`the offsets of ${what} end at ${last} instead of ${end}`)
}

/** Indices into a list of `size`. */
export function checkIndices(indices: Int32Array, size: number, what: string): void {
  const outside = indices.find((index) => index < 0 || index >= size)
  if (outside !== undefined) throw damaged(`${what} name ${outside}, and there are ${size}`)
}

function tryDecode(decoder: TextDecoder, bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
