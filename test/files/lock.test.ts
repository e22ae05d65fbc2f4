import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockOutput, whileLocked } from '../../src/files/lock.ts'
import { replaceFile } from '../../src/files/replace-file.ts'
import { failure } from '../read/files.ts'

let folder: string
let out: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foci-lock-'))
  out = join(folder, 'lists.csv')
  file = join(folder, '.lists.csv.lock')
})
afterEach(() => {
  process.env.FOCI_ENGINE = engine
  if (engine === undefined) delete process.env.FOCI_ENGINE
  rmSync(folder, { recursive: true })
})

const engine = process.env.FOCI_ENGINE
const kinds = ['system', 'file'] as const
/** The system's lock is the addon's, and without it there is the file alone. */
const environmentOf = (kind: (typeof kinds)[number]) => ({ FOCI_ENGINE: kind === 'file' ? 'wasm' : 'native' })
const use = (kind: (typeof kinds)[number]) => Object.assign(process.env, environmentOf(kind))

const lockModule = new URL('../../dist/files/lock.js', import.meta.url).href

/** Another process that holds the lock, until it is killed or told to go. */
async function holder(kind: (typeof kinds)[number]): Promise<ChildProcess> {
  const program = `
    const { lockOutput } = await import(${JSON.stringify(lockModule)})
    await lockOutput(${JSON.stringify(out)}, 'a test')
    process.stdin.on('end', () => process.exit(0)).resume()
    process.stdout.write('held')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { env: { ...process.env, ...environmentOf(kind) } })
  await once(child.stdout, 'data')
  return child
}

describe.each(kinds)("a lock that is the %s's", (kind) => {
  it('is of one run, in one process too, and leaves nothing', async () => {
    use(kind)
    const lock = await lockOutput(out, 'the first')
    const error = await failure(lockOutput(out, 'the second'))
    expect([error.code, error.message]).toEqual([
      'BUSY',
      expect.stringContaining(`${out} is being written by the first, process ${process.pid} on ${hostname()}, since 20`),
    ])
    expect(error.hint).toBe('Wait until it has ended, or name another file.')
    lock.release()
    lock.release()
    expect(readdirSync(folder)).toEqual([])
    expect(await whileLocked(out, 'the second', async () => existsSync(file))).toBe(true)
    expect(readdirSync(folder)).toEqual([])
  })

  it.each(kinds)('is respected by one that is the %s’s, until its process is killed', async (other) => {
    const child = await holder(kind)
    use(other)
    const error = await failure(lockOutput(out, 'this test'))
    expect([error.code, error.message]).toEqual(['BUSY', expect.stringContaining(`a test, process ${child.pid} on`)])
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(existsSync(file)).toBe(true)
    const lock = await lockOutput(out, 'this test')
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ pid: process.pid, program: 'this test' })
    lock.release()
    expect(readdirSync(folder)).toEqual([])
  })

  it('goes with a process that ends in the midst of its work', async () => {
    const child = await holder(kind)
    child.stdin?.end()
    await once(child, 'exit')
    expect(readdirSync(folder)).toEqual([])
  })

  it('never overwrites a file of that name that is no lock', async () => {
    use(kind)
    writeFileSync(file, 'notes of mine')
    const error = await failure(lockOutput(out, 'this test'))
    expect([error.code, error.hint]).toEqual(['BUSY', expect.stringContaining(`If it no longer runs, remove ${file}.`)])
    expect(readFileSync(file, 'utf8')).toBe('notes of mine')
  })

  it('is of the file behind a link', async () => {
    use(kind)
    writeFileSync(out, '')
    symlinkSync(out, join(folder, 'latest'))
    symlinkSync(join(folder, 'coming.csv'), join(folder, 'next'))
    const lock = await lockOutput(join(folder, 'latest'), 'this test')
    const coming = await lockOutput(join(folder, 'next'), 'this test')
    expect(await failure(lockOutput(out, 'this test'))).toMatchObject({ code: 'BUSY' })
    expect(await failure(lockOutput(join(folder, 'coming.csv'), 'this test'))).toMatchObject({ code: 'BUSY' })
    lock.release()
    coming.release()
  })

  it('keeps many writers in turn, none of whom meets another', async () => {
    use(kind)
    let [inside, most, turns] = [0, 0, 0]
    const write = async (): Promise<void> => {
      const lock = await lockOutput(out, 'one of many', 20_000)
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 1))
      inside--
      turns++
      lock.release()
    }
    await Promise.all(Array.from({ length: 40 }, write))
    expect([most, turns]).toEqual([1, 40])
  })
})

describe('a lock from another host', () => {
  const theirs = (keptBy: 'system' | 'file') =>
    writeFileSync(
      file,
      JSON.stringify({ foci: 'lock', keptBy, host: 'elsewhere', pid: 1, since: '2026-01-01T00:00:00.000Z', program: 'foci batch' }),
    )

  it('that is its file alone counts until it is removed', async () => {
    for (const kind of kinds) {
      use(kind)
      theirs('file')
      const error = await failure(lockOutput(out, 'this test'))
      expect([error.message, error.hint]).toEqual([
        `${out} is being written by foci batch, process 1 on elsewhere, since 2026-01-01T00:00:00.000Z.`,
        `Wait until it has ended, or name another file. If it no longer runs, remove ${file}.`,
      ])
    }
    rmSync(file)
    ;(await lockOutput(out, 'this test')).release()
  })

  it('that the system keeps counts while the system says so', async () => {
    use('system')
    theirs('system')
    ;(await lockOutput(out, 'this test')).release()
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('replaceFile', () => {
  it('waits for another writer, but not for a run', async () => {
    const lock = await lockOutput(out, 'a run')
    const saving = replaceFile(out, Buffer.from('saved'))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(existsSync(out)).toBe(false)
    lock.release()
    await saving
    expect(readFileSync(out, 'utf8')).toBe('saved')
    const run = await lockOutput(out, 'a run')
    await replaceFile(out, Buffer.from('by the run itself'), true)
    expect(await failure(replaceFile(out, Buffer.from('by another')))).toMatchObject({ code: 'BUSY' })
    run.release()
    expect([readFileSync(out, 'utf8'), readdirSync(folder)]).toEqual(['by the run itself', ['lists.csv']])
  })
})
