import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { writeArtefact } from '../../src/artefact/artefact.ts'
import { loadArtefact } from '../../src/artefact/file.ts'
import { FociError } from '../../src/errors.ts'
import { moveFile, replaceFile, replaceFiles } from '../../src/files/replace-file.ts'
import { bare, errorOf, sample } from '../artefact/sample.ts'

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof fs>()
  return { ...real, open: vi.fn(real.open), rename: vi.fn(real.rename) }
})

let folder: string
let path: string
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'foci-'))
  path = join(folder, 'shop.safetensors')
})
afterEach(() => fs.rm(folder, { recursive: true }))

/** An error as the system makes it. */
const fault = (code: string) => Object.assign(new Error(`${code}: from the system`), { code })

describe('moveFile', () => {
  const from = () => join(folder, 'rows.csv')
  const text = async () => [await fs.readFile(path, 'utf8'), await fs.readdir(folder)]

  it('puts a file in the place of another, or of what a link points to', async () => {
    await fs.writeFile(path, 'old')
    await fs.writeFile(from(), 'new')
    await moveFile(from(), path)
    expect(await text()).toEqual(['new', ['shop.safetensors']])
    const link = join(folder, 'latest')
    await fs.symlink(path, link)
    await fs.writeFile(from(), 'newer')
    await moveFile(from(), link)
    expect(await text()).toEqual(['newer', ['latest', 'shop.safetensors']])
  })

  it('copies it to another disk', async () => {
    await fs.writeFile(path, 'old')
    await fs.writeFile(from(), 'new')
    vi.mocked(fs.rename).mockRejectedValueOnce(fault('EXDEV'))
    await moveFile(from(), path)
    expect(await text()).toEqual(['new', ['rows.csv', 'shop.safetensors']])
  })

  it('leaves both as they are where it fails', async () => {
    await fs.writeFile(path, 'old')
    await fs.writeFile(from(), 'new')
    vi.mocked(fs.rename).mockRejectedValueOnce(fault('EPERM'))
    expect(await errorOf(moveFile(from(), path))).toMatchObject({
      code: 'FILE',
      message: expect.stringContaining(`${path} cannot be written`),
    })
    expect([await text(), await fs.readFile(from(), 'utf8')]).toEqual([['old', ['rows.csv', 'shop.safetensors']], 'new'])
  })
})

describe('replaceFile', () => {
  it('writes a file, and nothing beside it', async () => {
    const bytes = await writeArtefact(sample())
    await replaceFile(path, bytes)
    expect(Buffer.compare(await fs.readFile(path), bytes)).toBe(0)
    expect(await fs.readdir(folder)).toEqual(['shop.safetensors'])
    expect((await loadArtefact(path)).catalogue.ids).toEqual(sample().catalogue.ids)
  })

  it('replaces a file, and what a link points to', async () => {
    const link = join(folder, 'latest.safetensors')
    await replaceFile(path, await writeArtefact(bare()))
    await fs.symlink(path, link)
    await replaceFile(link, await writeArtefact(sample()))
    expect((await fs.lstat(link)).isSymbolicLink()).toBe(true)
    expect((await loadArtefact(path)).catalogue.ids).toHaveLength(3)
  })

  /** Makes the next file that is opened fail in `method`, after half of the bytes where that is `writeFile`. */
  const failIn = (method: 'writeFile' | 'sync' | 'close', code: string) => {
    const real = vi.mocked(fs.open).getMockImplementation() as typeof fs.open
    vi.mocked(fs.open).mockImplementationOnce(async (...args) => {
      const file = await real(...args)
      const done = { writeFile: file.writeFile.bind(file), sync: file.sync.bind(file), close: file.close.bind(file) }
      file[method] = async (bytes?: unknown) => {
        if (method === 'writeFile') await done.writeFile((bytes as Uint8Array).subarray(0, (bytes as Uint8Array).length / 2))
        if (method === 'close') await done.close()
        throw fault(code)
      }
      return file
    })
  }

  it.each<[string, () => unknown, RegExp]>([
    ['the disk is full half way', () => failIn('writeFile', 'ENOSPC'), /the disk is full/],
    ['the bytes cannot be flushed', () => failIn('sync', 'EIO'), /EIO: from the system/],
    ['the file cannot be closed', () => failIn('close', 'EDQUOT'), /quota/],
    ['the folder is read-only', () => vi.mocked(fs.open).mockRejectedValueOnce(fault('EROFS')), /read-only/],
    ['the folder is closed to us', () => vi.mocked(fs.open).mockRejectedValueOnce(fault('EACCES')), /permission is denied/],
    ['the name cannot be changed', () => vi.mocked(fs.rename).mockRejectedValueOnce(fault('EPERM')), /permission is denied/],
  ])('leaves the old file as it is, and nothing beside it, when %s', async (_, breakIt, message) => {
    const old = await writeArtefact(sample())
    await replaceFile(path, old)
    breakIt()
    const error = await errorOf(replaceFile(path, await writeArtefact(bare())))
    expect(error.code).toBe('FILE')
    expect(error.message).toMatch(message)
    expect(error.message).toContain(`${path} cannot be written`)
    expect(error.hint).not.toBe('')
    expect(Buffer.compare(await fs.readFile(path), old)).toBe(0)
    expect(await fs.readdir(folder)).toEqual(['shop.safetensors'])
    await replaceFile(path, await writeArtefact(bare()))
    expect((await loadArtefact(path)).catalogue.ids).toEqual([])
  })

  it('takes a file that is made by a function, or leaves the old one where that fails', async () => {
    await replaceFile(path, (beside) => fs.writeFile(beside, 'made'))
    expect(await fs.readFile(path, 'utf8')).toBe('made')
    const failing = async (beside: string): Promise<void> => {
      await fs.writeFile(beside, 'half')
      throw new FociError('MEMORY', 'Too little.', 'Get more.')
    }
    expect(await errorOf(replaceFile(path, failing))).toMatchObject({ code: 'MEMORY', message: 'Too little.' })
    expect([await fs.readFile(path, 'utf8'), await fs.readdir(folder)]).toEqual(['made', ['shop.safetensors']])
  })

  it('renames only what is whole and flushed', async () => {
    const order: string[] = []
    const { open, rename } = await vi.importActual<typeof fs>('node:fs/promises')
    vi.mocked(fs.open).mockImplementationOnce(async (...args) => {
      const file = await open(...args)
      const sync = file.sync.bind(file)
      file.sync = async () => {
        order.push(`flush ${(await file.stat()).size}`)
        await sync()
      }
      return file
    })
    vi.mocked(fs.rename).mockImplementationOnce(async (from, to) => {
      order.push(`rename to ${basename(String(to))}`)
      await rename(from, to)
    })
    const bytes = await writeArtefact(sample())
    await replaceFile(path, bytes)
    expect(order).toEqual([`flush ${bytes.length}`, 'rename to shop.safetensors'])
  })

  it('shows readers a whole file at every moment', async () => {
    const [a, b] = [await writeArtefact(sample()), await writeArtefact(bare())]
    await replaceFile(path, a)
    let writing = true
    const saves = (async () => {
      for (let i = 0; i < 40; i++) await Promise.all([replaceFile(path, b), replaceFile(path, a)])
      writing = false
    })()
    const sizes = new Set<number>()
    while (writing) sizes.add((await loadArtefact(path)).catalogue.ids.length)
    await saves
    expect([...sizes].every((size) => size === 0 || size === 3)).toBe(true)
    expect(await fs.readdir(folder)).toEqual(['shop.safetensors'])
  })

  it('removes what a killed process left of the same file, and nothing else', async () => {
    const id = '0123456789ab'
    const others = [
      `.cart.safetensors.${id}.partial`,
      `.shop.safetensors.bak.${id}.partial`,
      '.shop.safetensors.notes.partial',
      '.shop.safetensors.partial',
    ]
    for (const name of [`.shop.safetensors.${id}.partial`, ...others]) await fs.writeFile(join(folder, name), 'half')
    await replaceFile(path, await writeArtefact(bare()))
    expect((await fs.readdir(folder)).sort()).toEqual([...others, 'shop.safetensors'].sort())
  })

  it('names what it writes beside as what it removes', async () => {
    vi.mocked(fs.rename).mockImplementationOnce(async (from) => {
      await fs.copyFile(from, join(folder, 'left'))
      await fs.writeFile(join(folder, 'name'), basename(String(from)))
      throw fault('EIO')
    })
    await errorOf(replaceFile(path, await writeArtefact(bare())))
    const left = await fs.readFile(join(folder, 'name'), 'utf8')
    await fs.rename(join(folder, 'left'), join(folder, left))
    await replaceFile(path, await writeArtefact(bare()))
    expect((await fs.readdir(folder)).sort()).toEqual(['name', 'shop.safetensors'])
  })

  it('puts files that belong together in their places once all are written, or none', async () => {
    const files = ['a', 'b', 'c'].map((name) => ({ path: join(folder, name), content: Buffer.from(name) }))
    const breaking = { path: join(folder, 'b'), content: () => Promise.reject(fault('ENOSPC')) }
    expect(await errorOf(replaceFiles([files[0], breaking, files[2]]))).toMatchObject({
      code: 'FILE',
      message: expect.stringContaining('full'),
    })
    expect(await fs.readdir(folder)).toEqual([])
    await replaceFiles(files)
    expect(await fs.readdir(folder)).toEqual(['a', 'b', 'c'])
  })

  it('writes through a link to nothing, and through one to another such link', async () => {
    await fs.mkdir(join(folder, 'deep'))
    await fs.symlink('../shop.safetensors', join(folder, 'deep', 'second'))
    await fs.symlink(join('deep', 'second'), join(folder, 'first'))
    await replaceFile(join(folder, 'first'), Buffer.from('new'))
    expect(await fs.readFile(path, 'utf8')).toBe('new')
    expect((await fs.lstat(join(folder, 'first'))).isSymbolicLink()).toBe(true)
    expect((await fs.lstat(join(folder, 'deep', 'second'))).isSymbolicLink()).toBe(true)
  })

  it('names links that lead in a circle', async () => {
    await fs.symlink('b', join(folder, 'a'))
    await fs.symlink('a', join(folder, 'b'))
    const error = await errorOf(replaceFile(join(folder, 'a'), Buffer.from('new')))
    expect([error.code, error.message]).toEqual(['FILE', expect.stringContaining('circle')])
  })

  describe.skipIf(process.platform === 'win32')('modes and owners', () => {
    const modeOf = async (file: string) => (await fs.stat(file)).mode & 0o777
    const writers: [string, (to: string) => Promise<void>][] = [
      ['bytes', (to) => replaceFile(to, Buffer.from('new'))],
      ['a function', (to) => replaceFile(to, (beside) => fs.writeFile(beside, 'new'))],
      [
        'a file that is moved',
        async (to) => {
          await fs.writeFile(join(folder, 'rows'), 'new')
          await moveFile(join(folder, 'rows'), to)
        },
      ],
    ]

    it.each(writers)('of a file that %s replace stay', async (_, writeTo) => {
      for (const mode of [0o600, 0o640, 0o664, 0o400]) {
        await fs.writeFile(path, 'old')
        await fs.chmod(path, mode)
        await writeTo(path)
        expect([await fs.readFile(path, 'utf8'), await modeOf(path)]).toEqual(['new', mode])
        await fs.rm(path)
      }
    })

    it.each(writers)('of a new file by %s are as the umask says', async (_, writeTo) => {
      const umask = process.umask(0o027)
      try {
        await writeTo(path)
        expect(await modeOf(path)).toBe(0o640)
      } finally {
        process.umask(umask)
      }
    })

    it.skipIf(process.getuid?.() !== 0).each(writers)('and so does the owner, for %s by root', async (_, writeTo) => {
      await fs.writeFile(path, 'old')
      await fs.chown(path, 1234, 4321)
      await fs.chmod(path, 0o600)
      await writeTo(path)
      const { uid, gid } = await fs.stat(path)
      expect([uid, gid, await modeOf(path)]).toEqual([1234, 4321, 0o600])
    })

    it('shows nobody the new bytes who may not read the old ones', async () => {
      await fs.writeFile(path, 'old')
      await fs.chmod(path, 0o600)
      const modes: number[] = []
      await replaceFile(path, async (beside) => void modes.push(await modeOf(beside)))
      vi.mocked(fs.rename).mockImplementationOnce(async (from) => {
        modes.push(await modeOf(String(from)))
        throw fault('EIO')
      })
      await errorOf(replaceFile(path, Buffer.from('new')))
      expect(modes).toEqual([0o600, 0o600])
    })
  })

  describe.skipIf(process.platform === 'win32')('what is no file', () => {
    it('stays what it is: a pipe, a socket, and the file that the process prints to', async () => {
      execFileSync('mkfifo', [path])
      const server = createServer().listen(join(folder, 'socket'))
      await once(server, 'listening')
      for (const [at, what] of [
        [path, 'a pipe'],
        [join(folder, 'socket'), 'a socket'],
      ]) {
        for (const write of [replaceFile(at, Buffer.from('new')), replaceFile(at, (beside) => fs.writeFile(beside, 'new'))]) {
          const error = await errorOf(write)
          expect([error.code, error.message]).toEqual(['FILE', `${at} cannot be written: it is ${what}.`])
          expect(error.hint).toContain('Name a file')
        }
      }
      expect([(await fs.stat(path)).isFIFO(), (await fs.stat(join(folder, 'socket'))).isSocket()]).toEqual([true, true])
      expect((await fs.readdir(folder)).sort()).toEqual(['shop.safetensors', 'socket'])
      server.close()
    })

    it.skipIf(process.getuid?.() !== 0)('stays what it is: a device', async () => {
      execFileSync('mknod', [path, 'c', '1', '3']) // what /dev/null is
      await fs.symlink(path, join(folder, 'link'))
      for (const at of [path, join(folder, 'link')]) {
        const error = await errorOf(replaceFile(at, Buffer.from('new')))
        expect([error.code, error.message]).toEqual(['FILE', `${at} cannot be written: it is a device.`])
      }
      expect((await fs.stat(path)).isCharacterDevice()).toBe(true)
      expect((await fs.readdir(folder)).sort()).toEqual(['link', 'shop.safetensors'])
    })
  })

  it.each([
    ['a folder that is missing', () => join(folder, 'models', 'shop.safetensors'), /no such file or folder/, /make the folder/],
    ['a folder', () => folder, /it is a folder/, /path of a file/],
    ['a path through a file', () => join(path, 'shop.safetensors'), /a part of the path is a file/, /Check the path/],
  ])('names %s and what to do', async (_, where, message, hint) => {
    await replaceFile(path, await writeArtefact(bare()))
    const error = await errorOf(replaceFile(where(), new Uint8Array(8)))
    expect([error.code, error.message, error.hint]).toEqual(['FILE', expect.stringMatching(message), expect.stringMatching(hint)])
  })
})
