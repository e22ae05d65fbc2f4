import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { readArtefact, writeArtefact } from '../../src/artefact/artefact.ts'
import { replaceFile } from '../../src/files/replace-file.ts'
import type { Values } from '../../src/tensor/kinds.ts'
import { findPython, runPython } from './python.ts'
import { bare, sample } from './sample.ts'

/** Opens the file as any Python program would, and works out the checksum a second time. */
const SCRIPT = `
import hashlib, json, sys
import numpy, safetensors, safetensors.numpy

path = sys.argv[1]
data = open(path, 'rb').read()
length = int.from_bytes(data[:8], 'little')
header, body = data[8:8 + length].rstrip(b' '), data[8 + length:]
with safetensors.safe_open(path, 'numpy') as file:
    about = json.loads(file.metadata()['foci'])
    tensors = {name: file.get_tensor(name) for name in file.keys()}
assert {name: a.tobytes() for name, a in tensors.items()} == {name: a.tobytes() for name, a in safetensors.numpy.load(data).items()}

def texts(name):
    offsets = tensors[name + '.offsets']
    return [tensors[name + '.bytes'][a:b].tobytes().decode('utf-8') for a, b in zip(offsets, offsets[1:])]

sealed = header.replace(about['checksum'].encode(), hashlib.sha256(body).hexdigest().encode())
print(json.dumps({
    'keys': list(json.loads(header)['__metadata__']),
    'checksum': hashlib.sha256(sealed).hexdigest(),
    'about': {key: about[key] for key in about if key != 'checksum'},
    'ids': texts('catalogue'),
    'titles': texts('catalogue.titles') if 'catalogue.titles.bytes' in tensors else None,
    'tensors': {name: [str(a.dtype), list(a.shape), a.tobytes().hex()] for name, a in tensors.items()},
}))
`

interface Seen {
  readonly keys: readonly string[]
  readonly checksum: string
  readonly about: unknown
  readonly ids: readonly string[]
  readonly titles: readonly string[] | null
  readonly tensors: Readonly<Record<string, readonly [dtype: string, shape: readonly number[], hex: string]>>
}

const hex = (data: Float32Array | Int32Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')

describe('a Python reader of safetensors', () => {
  let found: Awaited<ReturnType<typeof findPython>>
  beforeAll(async () => {
    found = await findPython()
  }, 300_000)

  it.for([
    ['full', sample],
    ['bare', bare],
  ] as const)('opens a %s artefact and sees the same', { timeout: 60_000 }, async ([, content], { skip }) => {
    if ('missing' in found) return skip(found.missing)
    const bytes = await writeArtefact(content())
    const { hash, tensors } = await readArtefact(bytes)
    const folder = await mkdtemp(join(tmpdir(), 'foci-'))
    try {
      await replaceFile(join(folder, 'shop.safetensors'), bytes)
      const seen = (await runPython(found.python, SCRIPT, join(folder, 'shop.safetensors'))) as Seen
      const { tensors: _, catalogue, popular, ...about } = content()
      expect(seen.keys).toEqual(['foci'])
      expect(seen.checksum).toBe(hash)
      expect(seen.about).toEqual({ version: 1, ...about })
      expect(seen.ids).toEqual(catalogue.ids)
      expect(seen.titles).toEqual(catalogue.titles?.filter((title) => title !== undefined) ?? null)
      const ours: [string, Values][] = Object.entries({ ...tensors, 'popular.items': { shape: [popular.length], data: popular } })
      for (const [name, { shape, data }] of ours) {
        expect([name, ...seen.tensors[name]]).toEqual([name, data instanceof Float32Array ? 'float32' : 'int32', shape, hex(data)])
      }
      const others = Object.keys(seen.tensors).filter((name) => !name.startsWith('catalogue.'))
      expect(others.sort()).toEqual(ours.map(([name]) => name).sort())
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
