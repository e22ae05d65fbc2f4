import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { FociError } from '../../errors.ts'

const chunkSize = 1 << 18

/**
 * A file's bytes, unpacked where it is gzip; a damaged archive is an error here, by its checksum. What it gives is valid
 * until the next is asked for.
 */
export async function* bytes(path: string, gzip: boolean): AsyncGenerator<Buffer> {
  if (gzip) yield* unpacked(path)
  else {
    const file = await open(path).catch((cause: unknown) => {
      throw unreadable(path, cause)
    })
    try {
      yield* plain(path, file)
    } finally {
      await file.close()
    }
  }
}

async function* plain(path: string, file: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(chunkSize)
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkSize).catch((cause: unknown) => {
      throw unreadable(path, cause)
    })
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

const unreadable = (path: string, cause: unknown) =>
  new FociError('FILE', `cannot read ${path}: ${String(cause)}`, 'Check that the file may be read.', { cause })

export const damaged = (path: string, cause: unknown) =>
  new FociError('DATA', `${path}: the gzip archive is damaged or cut off`, 'Fetch or write the file again.', { cause })

async function* unpacked(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: chunkSize })
  const stream = file.pipe(createGunzip({ chunkSize }))
  file.on('error', (error) => stream.destroy(error))
  try {
    for await (const chunk of stream) yield chunk
  } catch (cause) {
    throw damaged(path, cause)
  } finally {
    file.destroy()
  }
}
