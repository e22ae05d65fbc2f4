import type { ArtefactContent } from '../../src/artefact/artefact.ts'
import { openContainer, packContainer, type RawTensor, rawTensors } from '../../src/artefact/container.ts'
import { FociError } from '../../src/errors.ts'

/** A small shop with all that an artefact can hold: text beyond ASCII, a missing title, an empty one, an empty tensor. */
export const sample = (): ArtefactContent => ({
  parts: [{ model: 'sasrec', options: { dim: 2, dropout: 0.25, loss: 'full' } }],
  roles: { target: ['buy'], seen: 'none', weight: { buy: 1, view: 0.5 } },
  trained: {
    rows: 12,
    users: 4,
    items: 3,
    time: { first: 1_700_000_000, last: 1_700_086_400.5, unit: 'milliseconds' },
    split: 'leave-one-out',
    seed: 7,
    log: 'c0ffee',
    epochs: 3,
    steps: 9,
    precision: 'f32',
  },
  scores: { test: { users: 4, metrics: { 'ndcg@10': { mean: 0.175, low: 0.17, high: 0.18 } } } },
  tensors: {
    item: { shape: [3, 2], data: Float32Array.of(0.5, -1, 2, -0, 1e-40, 3.25) },
    'block.0.bias': { shape: [2], data: Float32Array.of(1, 2) },
    scale: { shape: [], data: Float32Array.of(8) },
    'counts.pairs': { shape: [2, 2], data: Int32Array.of(1, -2, 2147483647, -2147483648) },
    idle: { shape: [0, 2], data: new Float32Array(0) },
  },
  catalogue: {
    ids: ['tent-2', 'Öfchen', '火'],
    titles: ['Tent', undefined, ''],
    categories: [['camp', 'sleep'], [], ['camp']],
  },
  popular: Int32Array.of(2, 0),
})

/** The shop with further columns of its items, one of each kind, none of which has something for each item; and its users. */
export const withColumns = (): ArtefactContent => ({
  ...sample(),
  catalogue: {
    ...sample().catalogue,
    columns: {
      Größe: { kind: 'words', of: [['L', 'M'], [], ['L']] },
      emb: { kind: 'vector', width: 2, of: Float32Array.of(1, -2, 0, 0, 0.5, 0), given: Uint8Array.of(1, 0, 1) },
      price: { kind: 'number', of: Float64Array.of(1.5, Number.NaN, -0.25) },
    },
  },
  users: { ids: ['ann', 'Jörg'], columns: { age: { kind: 'number', of: Float64Array.of(Number.NaN, 36) } } },
})

/** The least that an artefact can hold. */
export const bare = (): ArtefactContent => ({
  parts: [{ model: 'popularity', options: {} }],
  roles: {},
  trained: { rows: 0, users: 0, items: 0, split: 'leave-one-out', seed: 0, log: '', precision: 'f32' },
  scores: {},
  tensors: {},
  catalogue: { ids: [] },
  popular: new Int32Array(0),
})

/** The bytes of a file whose header is `header`, in any spelling, padded as the format wants. */
export function fileOf(header: string, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = new TextEncoder().encode(header)
  const start = Math.ceil((8 + json.length) / 64) * 64
  const bytes = new Uint8Array(start + body.length).fill(0x20, 8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true)
  bytes.set(json, 8)
  bytes.set(body, start)
  return bytes
}

/** The header of a file as text, without its padding. */
export const headerOf = (bytes: Uint8Array): string =>
  new TextDecoder().decode(bytes.subarray(8, 8 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true))).trimEnd()

/** A file with right checksum and layout whose content was changed: what only the checks behind the checksum can find. */
export function forged(
  bytes: Uint8Array,
  change: (about: Record<string, unknown>, tensors: Map<string, RawTensor>) => void,
): Promise<Uint8Array> {
  const container = openContainer(bytes)
  const about = structuredClone(container.about) as Record<string, unknown>
  const tensors = rawTensors(container)
  change(about, tensors)
  return packContainer(about, tensors)
}

/** The error that the promise ends with; anything but a FociError, and success, is thrown. */
export async function errorOf(promise: Promise<unknown>): Promise<FociError> {
  const error = await promise.then(
    () => new Error('succeeded where an error is due'),
    (reason) => reason,
  )
  if (error instanceof FociError) return error
  throw error
}
