import { FociError } from '../errors.ts'

/** SHA-256 in hexadecimal. */
export type Digest = (bytes: Uint8Array<ArrayBuffer>) => string | Promise<string>

/** By Node's own, which makes no copy, or where that is not by WebCrypto, as browsers and workers have it. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const node = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (node) return node.createHash('sha256').update(bytes).digest('hex')
  const subtle = globalThis.crypto?.subtle
  if (!subtle) {
    throw new FociError('ARTEFACT', 'WebCrypto, which checks artefacts, is missing here', 'Serve the page over https or from localhost.')
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(text))
