import { shown } from '../data/options.ts'
import { FociError } from '../errors.ts'
import { type Artefact, readArtefact } from './artefact.ts'

/** Path or file URL of an artefact, its bytes, or what was read from them. */
export type ArtefactSource = string | URL | Uint8Array | ArrayBuffer | Artefact

/** @throws FociError FILE, ARTEFACT; OPTION for anything else than a source */
export async function artefactOf(source: ArtefactSource): Promise<Artefact> {
  if (typeof source === 'string') return (await import('./file.ts')).loadArtefact(source)
  if (source instanceof URL) return (await import('./file.ts')).loadArtefact(pathOf(source))
  if (ArrayBuffer.isView(source)) return readArtefact(new Uint8Array(source.buffer, source.byteOffset, source.byteLength))
  if (isBuffer(source)) return readArtefact(new Uint8Array(source))
  if (isArtefact(source)) return source
  const hint = 'Give the path of an artefact, its bytes (a Uint8Array or an ArrayBuffer), or what loadArtefact gives, awaited.'
  throw new FociError('OPTION', `An artefact is due, and ${shown(source)} is given.`, hint)
}

function pathOf(url: URL): string {
  const { fileURLToPath } = globalThis.process?.getBuiltinModule?.('node:url') ?? {}
  if (fileURLToPath && url.protocol === 'file:') return fileURLToPath(url)
  throw new FociError(
    'OPTION',
    `The artefact's URL is ${url.href}.`,
    'Give a file URL, or fetch it and give its bytes: load(await response.arrayBuffer()).',
  )
}

/** Whichever realm made it. */
const isBuffer = (source: unknown): source is ArrayBuffer =>
  ['[object ArrayBuffer]', '[object SharedArrayBuffer]'].includes(Object.prototype.toString.call(source))

function isArtefact(source: unknown): source is Artefact {
  if (typeof source !== 'object' || source === null) return false
  const { hash, parts, tensors, catalogue, popular } = source as Partial<Artefact>
  return (
    typeof hash === 'string' &&
    Array.isArray(parts) &&
    typeof tensors === 'object' &&
    Array.isArray(catalogue?.ids) &&
    ArrayBuffer.isView(popular)
  )
}
