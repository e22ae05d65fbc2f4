/**
 * The safetensors container: u64 header length, JSON header, body. The format leaves open the order of keys and tensors
 * and has no checksum; ours fixes both. The header is canonical JSON, padded with spaces so that the body starts at a
 * multiple of 64; tensors of 4-byte elements come first, by name, then bytes, by name, without holes. So names, dtypes
 * and shapes alone determine every offset, and a reader compares instead of trusting.
 *
 * https://huggingface.co/docs/safetensors
 */
import { canonicalJson, isObject, parseCanonical } from './canonical.ts'
import { type Digest, sha256, utf8 } from './sha256.ts'
import { damaged, type Fail, unfit } from './unsound.ts'

export type Dtype = 'F32' | 'I32' | 'U8'

/** A tensor as bytes, row-major and little-endian. */
export interface RawTensor {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** What the header tells of a tensor. */
interface Place {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  /** Bytes from the start of the body. */
  readonly data_offsets: readonly [number, number]
}

export interface Container {
  /** The JSON of `__metadata__.foci`, without its checksum. */
  readonly about: Readonly<Record<string, unknown>>
  readonly checksum: string
  readonly places: ReadonlyMap<string, Place>
  readonly body: Uint8Array<ArrayBuffer>
}

const WIDTHS: Readonly<Record<string, number>> = { F32: 4, I32: 4, U8: 1 }
const LENGTH_BYTES = 8
const ALIGNMENT = 64
/** Room for some 8,000 tensors. A parser may need 30 times the text, so the text is bounded before it is parsed. */
export const MAX_HEADER = 1 << 20
const MAX_RANK = 8
const NAME = /^[A-Za-z0-9][\w.:/[\]-]{0,199}$/

/** @returns the file; `about` gains the key `checksum` */
export async function packContainer(about: object, tensors: ReadonlyMap<string, RawTensor>): Promise<Uint8Array<ArrayBuffer>> {
  const places = placeTensors(tensors, unfit)
  const header = utf8(headerText(places, about, ''.padEnd(64, '0')))
  const start = bodyStart(header.length)
  if (start - LENGTH_BYTES > MAX_HEADER) throw unfit(`the header takes ${header.length} bytes and may take ${MAX_HEADER}`)
  const bytes = new Uint8Array(start + bodyLength(places))
  const body = bytes.subarray(start)
  for (const [name, { bytes: data }] of tensors) {
    const place = places.get(name)
    if (place) body.set(data, place.data_offsets[0])
  }
  const sealed = utf8(headerText(places, about, await checksumOf(places, about, body, sha256)))
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - LENGTH_BYTES), true)
  bytes.fill(0x20, LENGTH_BYTES, start)
  bytes.set(sealed, LENGTH_BYTES)
  return bytes
}

/**
 * Reads the header and checks it whole against the bytes that are there; the checksum is left to {@link verify}.
 * @throws FociError ARTEFACT
 */
export function openContainer(given: Uint8Array): Container {
  const bytes = addressable(given)
  const start = LENGTH_BYTES + headerLength(bytes)
  const header = bytes.subarray(LENGTH_BYTES, start)
  const json = withoutPadding(header)
  const parsed = parseCanonical(decode(json), 'the header', damaged)
  if (!isObject(parsed)) throw damaged('the header is not an object')
  if (start !== bodyStart(json.length)) throw damaged(`the header is padded to byte ${start} instead of ${bodyStart(json.length)}`)
  const { __metadata__: metadata, ...table } = parsed
  const { checksum, ...about } = readMetadata(metadata)
  const body = bytes.subarray(start)
  const places = readTable(table, body.length)
  if (typeof checksum !== 'string' || !/^[0-9a-f]{64}$/.test(checksum)) throw damaged('the header has no checksum')
  return { about, checksum, places, body }
}

/** @throws FociError ARTEFACT where anything in the file differs from what was written */
export async function verify({ about, checksum, places, body }: Container, digest: Digest): Promise<void> {
  const actual = await checksumOf(places, about, body, digest)
  if (actual !== checksum) throw damaged(`the checksum says ${checksum.slice(0, 12)}… and the content has ${actual.slice(0, 12)}…`)
}

/** The tensors as views of the body. */
export function rawTensors({ places, body }: Container): Map<string, RawTensor> {
  const views = new Map<string, RawTensor>()
  for (const [name, { dtype, shape, data_offsets }] of places) views.set(name, { dtype, shape, bytes: body.subarray(...data_offsets) })
  return views
}

/** SHA-256 of the header as it would stand with the SHA-256 of the body in the checksum's place: it covers every byte. */
async function checksumOf(
  places: ReadonlyMap<string, Place>,
  about: object,
  body: Uint8Array<ArrayBuffer>,
  digest: Digest,
): Promise<string> {
  return digest(utf8(headerText(places, about, await digest(body))))
}

function headerText(places: ReadonlyMap<string, Place>, about: object, checksum: string): string {
  const metadata = { foci: canonicalJson({ ...about, checksum }, unfit) }
  return canonicalJson({ ...Object.fromEntries(places), __metadata__: metadata }, unfit)
}

const bodyStart = (header: number): number => Math.ceil((LENGTH_BYTES + header) / ALIGNMENT) * ALIGNMENT

function bodyLength(places: ReadonlyMap<string, Place>): number {
  return Math.max(0, ...[...places.values()].map((place) => place.data_offsets[1]))
}

/** Gives each tensor its place; the order is that of the format, whatever order the tensors come in. */
function placeTensors(tensors: ReadonlyMap<string, Omit<RawTensor, 'bytes'>>, fail: Fail): Map<string, Place> {
  const places = new Map<string, Place>()
  const order = (name: string) => `${tensors.get(name)?.dtype === 'U8' ? 1 : 0}${name}`
  let end = 0
  for (const name of [...tensors.keys()].sort((a, b) => (order(a) < order(b) ? -1 : 1))) {
    const { dtype, shape } = tensors.get(name) as RawTensor
    if (!NAME.test(name)) throw fail(`a tensor has the name ${JSON.stringify(name.slice(0, 80))}`)
    const begin = end
    end += byteLength(name, dtype, shape, fail)
    if (!Number.isSafeInteger(end)) throw fail(`tensor "${name}" ends beyond any file`)
    places.set(name, { dtype, shape: [...shape], data_offsets: [begin, end] })
  }
  return places
}

function byteLength(name: string, dtype: string, shape: readonly number[], fail: Fail): number {
  if (!Object.hasOwn(WIDTHS, dtype)) throw fail(`tensor "${name}" has the dtype ${JSON.stringify(dtype)}; known are F32, I32 and U8`)
  const wrong = () => fail(`tensor "${name}" has the shape [${shape.slice(0, MAX_RANK + 1).join(', ')}]`)
  if (shape.length > MAX_RANK) throw wrong()
  let extent = 1 // with empty axes as 1: other readers multiply in order, and must not overflow before they meet the 0
  for (const d of shape) {
    if (!Number.isSafeInteger(d) || d < 0) throw wrong()
    extent *= Math.max(d, 1)
    if (extent > Number.MAX_SAFE_INTEGER / 4) throw wrong()
  }
  return shape.includes(0) ? 0 : extent * WIDTHS[dtype]
}

/** Views of 4-byte elements need an aligned start, and WebCrypto memory of its own: else the whole is copied, once. */
function addressable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = bytes
  if (!(buffer instanceof ArrayBuffer) || byteOffset % 4 !== 0) return new Uint8Array(bytes)
  return new Uint8Array(buffer, byteOffset, byteLength)
}

function headerLength(bytes: Uint8Array): number {
  const hint = 'Give a file that foci wrote; if this one is, it was cut short or changed: copy it again.'
  if (bytes.length < LENGTH_BYTES) throw damaged(`the file has ${bytes.length} bytes, too few for a safetensors header`, hint)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  const room = bytes.length - LENGTH_BYTES
  if (length > room) throw damaged(`the header claims ${length} bytes and ${room} follow`, hint)
  if (length > MAX_HEADER) throw damaged(`the header claims ${length} bytes and may take ${MAX_HEADER}`, hint)
  return Number(length)
}

function withoutPadding(header: Uint8Array): Uint8Array {
  let end = header.length
  while (end > 0 && header[end - 1] === 0x20) end--
  return header.subarray(0, end)
}

function decode(json: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
  } catch {
    throw damaged('the header is not UTF-8')
  }
}

function readMetadata(metadata: unknown): Readonly<Record<string, unknown>> {
  const hint = 'Give a file that foci wrote: other safetensors files have no catalogue.'
  if (!isObject(metadata) || typeof metadata.foci !== 'string') throw damaged('the header has no __metadata__ of foci', hint)
  if (Object.keys(metadata).length > 1) throw damaged('__metadata__ has keys beside "foci"', hint)
  const about = parseCanonical(metadata.foci, '__metadata__.foci', damaged)
  if (!isObject(about)) throw damaged('__metadata__.foci is not an object')
  return about
}

function readTable(table: Readonly<Record<string, unknown>>, length: number): Map<string, Place> {
  const given = new Map(Object.entries(table).map(([name, entry]) => [name, readPlace(name, entry)]))
  const places = placeTensors(given, damaged)
  for (const [name, { data_offsets: due }] of places) {
    const is = given.get(name)?.data_offsets
    if (is?.[0] === due[0] && is[1] === due[1]) continue
    throw damaged(
      `tensor "${name}" stands at bytes ${is?.join(' to ')} of the body; its shape and the tensors before it give ${due.join(' to ')}`,
    )
  }
  const due = bodyLength(places)
  if (due !== length) throw damaged(`the body has ${length} bytes and the tensors take ${due}`)
  return places
}

function readPlace(name: string, entry: unknown): Place {
  const label = JSON.stringify(name.slice(0, 80))
  if (!isObject(entry) || Object.keys(entry).join() !== 'data_offsets,dtype,shape')
    throw damaged(`tensor ${label} has no dtype, shape and data_offsets`)
  const { dtype, shape, data_offsets } = entry
  if (typeof dtype !== 'string' || !isIntegers(shape)) throw damaged(`tensor ${label} has a dtype or a shape of the wrong kind`)
  if (!isIntegers(data_offsets) || data_offsets.length !== 2) throw damaged(`tensor ${label} has data_offsets of the wrong kind`)
  return { dtype: dtype as Dtype, shape, data_offsets: [data_offsets[0], data_offsets[1]] }
}

const isIntegers = (value: unknown): value is number[] => Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0)
