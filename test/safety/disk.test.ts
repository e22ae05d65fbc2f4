import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Ended, folder, start } from '../cli/foci.ts'
import { type Attacked, attackedIn, beside, expectTyped, expectWhole, stands } from './attacked.ts'
import { FACTOR, pick, rounds, within } from './rounds.ts'

const at = folder()
const hasShim = process.platform === 'linux' && spawnSync('gcc', ['--version']).status === 0
const mayMount = process.platform === 'linux' && process.getuid?.() === 0

let attacked: readonly Attacked[]
beforeAll(async () => {
  attacked = await attackedIn(at, 1500, 100)
})

/** An output where something old stands, in a folder of its own. */
function prepared({ old, ending }: Attacked, where = at('disk')): string {
  rmSync(where, { recursive: true, force: true })
  mkdirSync(where)
  const out = `${where}/out.${ending}`
  writeFileSync(out, old)
  return out
}

/** Either all went well, or the old file is there and words say what was wrong. */
function expectKept({ old, whole }: Attacked, out: string, ended: Ended, what: string): void {
  const there = stands(out)
  if (ended.code === 0) {
    expect(there?.equals(whole), `${what}: success, and another file`).toBe(true)
    return
  }
  expectTyped(ended, what)
  // It may fail once the new one is in its place: then that is whole
  expect(there?.equals(old) || there?.equals(whole), `${what}: the old file is lost`).toBe(true)
  expect(
    beside(out).filter((name) => /\.(partial|lock)$/.test(name)),
    what,
  ).toEqual([])
}

describe.skipIf(!hasShim)('calls on a disk that fails (Linux, with gcc)', () => {
  const ENOSPC = 28
  const [EIO, EACCES, EMFILE] = [5, 13, 24]
  const errors = { write: [ENOSPC, EIO], sync: [EIO, ENOSPC], rename: [EIO, EACCES], truncate: [EIO], open: [EACCES, EMFILE] }
  const ways = Object.entries(errors).flatMap(([call, numbers]) =>
    numbers.flatMap((errno) => [false, true].map((stay) => ({ call, errno, stay }))),
  )
  const shim = at('failing-disk.so')
  const tell = at('tell')

  beforeAll(() => {
    const source = fileURLToPath(new URL('failing-disk.c', import.meta.url))
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, source, '-ldl'])
  })

  /** @returns whether a call failed */
  async function attempt(command: Attacked, { call, errno, stay }: (typeof ways)[number], nth: number): Promise<boolean> {
    const out = prepared(command)
    rmSync(tell, { force: true })
    const run = start([...command.words, '--out', out], {
      LD_PRELOAD: shim,
      FAIL_PATH: at('disk'),
      FAIL_CALL: call,
      FAIL_AT: `${nth}`,
      FAIL_ERRNO: `${errno}`,
      FAIL_TELL: tell,
      ...(stay && { FAIL_STAY: '1' }),
    })
    const ended = await run.ended
    if (!existsSync(tell)) return false
    const what = `${command.name}, ${call} ${nth}${stay ? ' and all after it' : ''}, errno ${errno}: ${ended.stderr}`
    expectKept(command, out, ended, what)
    await expectWhole(command, out, what)
    return true
  }

  it('end in a typed error that keeps the old file, or in the whole new one', within(120_000, 6), async () => {
    let failed = 0
    if (FACTOR === 1) {
      for (let round = 0; round < rounds(6); round++) if (await attempt(pick(attacked), pick(ways), 1 + (round % 4))) failed++
    } else {
      for (const command of attacked) {
        for (const way of ways) for (let nth = 1; nth < 30 && (await attempt(command, way, nth)); nth++) failed++
      }
    }
    expect(failed).toBeGreaterThan(0)
  })

  it('write half of what they are given, and the rest is written all the same', async () => {
    for (const command of FACTOR === 1 ? [pick(attacked)] : attacked) {
      const out = prepared(command)
      const ended = await start([...command.words, '--out', out], { LD_PRELOAD: shim, FAIL_PATH: at('disk'), FAIL_SHORT: '1' }).ended
      expect(ended, command.name).toMatchObject({ code: 0 })
      expect(stands(out)?.equals(command.whole), command.name).toBe(true)
    }
  })
})

describe.skipIf(!mayMount)('a disk that is full (Linux, as root)', () => {
  const disk = at('small')
  /** Does something on a small disk of its own. */
  async function onDisk(size: string, body: () => Promise<void>): Promise<void> {
    mkdirSync(disk, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', disk])
    try {
      await body()
    } finally {
      execFileSync('umount', ['-l', disk])
    }
  }

  it('keeps the old file, and ends in words', within(60_000, 1), async () => {
    const rooms = [64, 128, 512, 2048, 16384] // KiB beside the old file
    for (const command of FACTOR === 1 ? [pick(attacked)] : attacked) {
      for (const room of FACTOR === 1 ? [pick(rooms)] : rooms) {
        const size = `${Math.ceil(command.old.length / 4096) * 4 + room}k`
        await onDisk(size, async () => {
          const out = `${disk}/out.${command.ending}`
          writeFileSync(out, command.old)
          const ended = await start([...command.words, '--out', out]).ended
          expectKept(command, out, ended, `${command.name} on ${size}: ${ended.stderr}`)
        })
      }
    }
  })

  it('holds a sample whole or not at all', async () => {
    for (const size of FACTOR === 1 ? [pick(['200k', '1m'])] : ['64k', '200k', '1m', '2m', '8m']) {
      await onDisk(size, async () => {
        const ended = await start(['sample', disk, '--users', '1500']).ended
        if (ended.code !== 0) expectTyped(ended, `sample on ${size}`)
        expect(readdirSync(disk)).toEqual(ended.code === 0 ? ['interactions.csv', 'items.csv', 'truth.json'] : [])
      })
    }
  })
})

describe.skipIf(process.platform === 'win32')('a limit on the size of files', () => {
  it('keeps the old file, and ends in words', within(60_000, 1), async () => {
    const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
    for (const command of FACTOR === 1 ? [pick(attacked)] : attacked) {
      for (const blocks of FACTOR === 1 ? [pick([0, 100])] : [0, 1, 10, 100, 400]) {
        const out = prepared(command)
        const limited = ['-c', 'ulimit -f "$0"; exec "$@"', `${blocks}`, process.execPath, main, ...command.words, '--out', out]
        const { status, signal, stdout, stderr } = spawnSync('sh', limited, { encoding: 'utf8', env: { ...process.env, FOCI_DEBUG: '' } })
        expectKept(command, out, { code: status, signal, stdout, stderr }, `${command.name} in ${blocks} blocks: ${stderr}`)
        await expectWhole(command, out)
      }
    }
  })
})
