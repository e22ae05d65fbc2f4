import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadArtefact } from '../../src/artefact/file.ts'
import { errorOf } from './sample.ts'

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  return { ...real, readFile: vi.fn(real.readFile) }
})

let folder: string
let path: string
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'foci-'))
  path = join(folder, 'shop.safetensors')
})
afterEach(() => fs.rm(folder, { recursive: true }))

describe('loadArtefact', () => {
  it.each([
    ['a missing file', () => join(folder, 'none.safetensors'), /none.safetensors cannot be read: there is no such file/],
    ['a folder', () => folder, /cannot be read: it is a folder/],
  ])('names %s', async (_, where, message) => {
    const error = await errorOf(loadArtefact(where()))
    expect([error.code, error.message]).toEqual(['FILE', expect.stringMatching(message)])
  })

  it.each([
    ['EACCES', /permission is denied/],
    ['ERR_FS_FILE_TOO_LARGE', /more than 2 GiB/],
  ])('explains %s', async (code, message) => {
    vi.mocked(fs.readFile).mockRejectedValueOnce(Object.assign(new Error(`${code}: from the system`), { code }))
    const error = await errorOf(loadArtefact(path))
    expect([error.code, error.message]).toEqual(['FILE', expect.stringMatching(message)])
  })

  it.skipIf(process.platform === 'win32')('refuses a pipe and a device, and waits for neither', async () => {
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const odd of [pipe, '/dev/zero']) {
      const error = await errorOf(loadArtefact(odd))
      expect([error.code, error.message]).toEqual(['FILE', `${odd} cannot be read: it is a pipe, a socket or a device.`])
    }
  })

  it('names the file that is no artefact', async () => {
    await fs.writeFile(path, 'user,item,timestamp\n')
    const error = await errorOf(loadArtefact(path))
    expect(error.code).toBe('ARTEFACT')
    expect(error.message).toContain(`${path}: The artefact cannot be read`)
    expect(error.hint).toContain('foci wrote')
  })
})
