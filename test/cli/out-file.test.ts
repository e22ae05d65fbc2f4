import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { markov, readInteractions, sasrec, train, writeSample } from 'foci'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Ended, foci, folder, start } from './foci.ts'

const at = folder()
const world = at('world')
const [log, items] = [join(world, 'interactions.csv'), join(world, 'items.csv')]
const shop = at('shop.safetensors')
const markovTo = (out: string, ...words: string[]) => ['train', log, '--model', 'markov', '--items', items, '--out', out, ...words]
const batchTo = (out: string, ...words: string[]) => ['batch', shop, log, '--items', items, '-k', '2', '--out', out, ...words]
const isWindows = process.platform === 'win32'
const isRoot = process.getuid?.() === 0

beforeAll(async () => {
  expect(await foci('sample', world, '--users', '30')).toMatchObject({ code: 0 })
  expect(await foci(...markovTo(shop))).toMatchObject({ code: 0 })
})

function expectRefusal({ code, stdout, stderr }: Ended, complaint: string, hint: string): void {
  expect([code, stdout, stderr]).toEqual([1, '', `error: ${complaint}\nhint: ${hint}\n`])
}

/** A file's name for a command, with those that lead to it. */
function namesOf(file: string, name: string): [path: string, named: string][] {
  const [hard, link] = [at(`hard-${name}`), at(`link-${name}`)]
  if (!existsSync(hard)) linkSync(file, hard)
  if (!existsSync(link)) symlinkSync(file, link)
  return [
    [hard, hard],
    [link, link],
    [join(world, '..', 'world', '..', file.slice(at().length)), ''],
  ]
}

describe('what a command reads', () => {
  const INPUTS = 'Name another file with --out: what a command reads it never replaces.'

  it.each(['--json', '--force'])('is never what it writes, by any name, with %s', async (flag) => {
    const cases: [words: (out: string) => string[], input: string, what: string, name: string][] = [
      [(out) => markovTo(out, flag), log, 'log', 'log.csv'],
      [(out) => markovTo(out, flag), items, 'items table', 'items.csv'],
      [(out) => batchTo(out, flag), log, 'log', 'log.csv'],
      [(out) => batchTo(out, flag), items, 'items table', 'items.csv'],
      [(out) => batchTo(out, flag), shop, 'artefact', 'shop.jsonl'],
    ]
    for (const [words, input, what, name] of cases) {
      const before = readFileSync(input)
      const paths = namesOf(input, name).map(([path]) => path)
      for (const out of input.endsWith('.csv') ? [input, ...paths] : paths.slice(0, 2)) {
        expectRefusal(await foci(...words(out)), `${out} cannot be written: it is the ${what} that is read.`, INPUTS)
      }
      expect(readFileSync(input).equals(before)).toBe(true)
    }
  })

  it('is never what it keeps beside that', async () => {
    const out = at('beside.safetensors')
    copyFileSync(log, `${out}.checkpoint`)
    const trained = await foci('train', `${out}.checkpoint`, '--model', 'markov', '--out', out, '--force')
    expectRefusal(trained, `${out}.checkpoint cannot be written: it is the log that is read.`, INPUTS)
    const lists = at('beside.csv')
    mkdirSync(`${lists}.parts`)
    copyFileSync(log, join(`${lists}.parts`, 'rows.csv'))
    const batched = await foci('batch', shop, join(`${lists}.parts`, 'rows.csv'), '--out', lists)
    expectRefusal(batched, `${lists}.parts cannot be written: it is the log that is read.`, INPUTS)
    expect(readFileSync(join(`${lists}.parts`, 'rows.csv')).equals(readFileSync(log))).toBe(true)
  })
})

describe('what foci did not write', () => {
  const FORCE = 'Name another file, or add --force to replace it.'
  const foreign = {
    'notes.csv': 'user,rank,item\n',
    'notes.jsonl': '{"user":"a","item":"b"}\n',
    'notes.parquet': 'PAR1 and nothing of ours PAR1',
    'notes.safetensors': Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]),
    short: 'a',
  }

  it.each(Object.entries(foreign))('is replaced by --force alone: %s', async (name, content) => {
    const out = at(name)
    const lists = /\.(csv|jsonl|parquet)$/.test(name)
    for (const [words, what] of [[markovTo(out), 'artefact'], ...(lists ? [[batchTo(out), 'lists']] : [])] as [string[], string][]) {
      writeFileSync(out, content)
      expectRefusal(await foci(...words), `${out} cannot be written: it is there, and holds no ${what} of foci.`, FORCE)
      expect(readFileSync(out).equals(Buffer.from(content))).toBe(true)
      expect(await foci(...words, '--force')).toMatchObject({ code: 0, stderr: expect.not.stringContaining('error') })
      expect(readFileSync(out).equals(Buffer.from(content))).toBe(false)
      // From here on it is ours, and the same command runs every night
      expect(await foci(...words)).toMatchObject({ code: 0 })
    }
    expect(readdirSync(at()).filter((each) => each.includes(name) && each !== name)).toEqual([])
  })

  it('is not an empty file, as mktemp makes it', async () => {
    const out = at('empty.csv')
    writeFileSync(out, '')
    expect(await foci(...batchTo(out))).toMatchObject({ code: 0 })
  })

  it('is a checkpoint too, for an artefact: it is hours of work', async () => {
    const out = at('stopped.safetensors')
    const interactions = await readInteractions(log)
    const checkpoint = at('state')
    await train(interactions, { model: sasrec({ dim: 8, blocks: 1, maxLength: 5 }), epochs: 1, checkpoint })
    copyFileSync(checkpoint, out)
    expectRefusal(await foci(...markovTo(out)), `${out} cannot be written: it is there, and holds no artefact of foci.`, FORCE)
  })

  it('is not replaced by a program either', async () => {
    const out = at('program.csv')
    const run = await train(await readInteractions(log), { model: markov() })
    copyFileSync(log, out)
    await expect(run.save(out)).rejects.toMatchObject({
      code: 'FILE',
      message: `${out} cannot be written: it is there, and holds no artefact of foci.`,
      hint: 'Name another file, or save with force.',
    })
    expect(readFileSync(out).equals(readFileSync(log))).toBe(true)
    await run.save(out, { force: true })
    await run.save(out)
    expect(readFileSync(out).equals(Buffer.from(run.artefact))).toBe(true)
  })

  it('stays in the folder of a sample, which is written whole or not at all', async () => {
    const dir = at('mine')
    mkdirSync(dir)
    writeFileSync(join(dir, 'items.csv'), 'item,title\n')
    const refused = await foci('sample', dir, '--users', '5')
    expectRefusal(
      refused,
      `${join(dir, 'items.csv')} cannot be written: it is there, and holds no sample of foci.`,
      'Name another folder, or write there with force (--force on the command line).',
    )
    expect([readdirSync(dir), readFileSync(join(dir, 'items.csv'), 'utf8')]).toEqual([['items.csv'], 'item,title\n'])
    expect(await foci('sample', dir, '--users', '5', '--force')).toMatchObject({ code: 0 })
    // An earlier sample is replaced by another, and stays where it was changed
    await writeSample(dir, { users: 7, seed: 3 })
    await writeSample(dir, { users: 7, seed: 3 })
    const changed = `${readFileSync(join(dir, 'interactions.csv'), 'utf8')}me,tent-1,1704067200,shop,view\n`
    writeFileSync(join(dir, 'interactions.csv'), changed)
    await expect(writeSample(dir, { users: 8 })).rejects.toMatchObject({ code: 'FILE' })
    expect(readFileSync(join(dir, 'interactions.csv'), 'utf8')).toBe(changed)
  })
})

describe('a checkpoint', () => {
  const small = () => sasrec({ dim: 8, blocks: 1, maxLength: 5 })

  it('is of one run at a time, in one process too', async () => {
    const interactions = await readInteractions(log)
    const options = { model: small(), epochs: 10_000, patience: 10_000, checkpoint: at('one') }
    const stop = new AbortController()
    const busy = { code: 'BUSY', message: expect.stringContaining(`${at('one')} is being written by `) }
    let second: Promise<void> | undefined
    const onEpoch = () => {
      second ??= expect(train(interactions, options))
        .rejects.toMatchObject(busy)
        .finally(() => stop.abort())
    }
    await expect(train(interactions, { ...options, onEpoch, signal: stop.signal })).rejects.toMatchObject({ code: 'ABORTED' })
    await second
  })

  it('goes with the artefact that is saved, but not what another run has left there by then', async () => {
    const interactions = await readInteractions(log)
    const options = { model: small(), epochs: 1, checkpoint: at('state-of-two') }
    const first = await train(interactions, options)
    const second = await train(interactions, { ...options, epochs: 2, resume: true })
    await first.save(at('first.safetensors'))
    expect(existsSync(options.checkpoint)).toBe(true)
    await second.save(at('second.safetensors'))
    expect(existsSync(options.checkpoint)).toBe(false)
  })
})

describe.skipIf(isWindows)('what stands at --out', () => {
  it('keeps its mode, and the rows beside it are no more open than that', async () => {
    const out = at('private.csv')
    expect(await foci(...batchTo(out))).toMatchObject({ code: 0 })
    chmodSync(out, 0o600)
    const run = start(['batch', shop, log, '-k', '300', '--out', out])
    const modes = new Set<number>()
    const looking = setInterval(() => {
      for (const path of [join(`${out}.parts`, 'rows.csv'), out]) {
        const stats = statSync(path, { throwIfNoEntry: false })
        if (stats) modes.add(stats.mode & 0o777)
      }
    }, 1)
    expect(await run.ended).toMatchObject({ code: 0 })
    clearInterval(looking)
    expect([[...modes], statSync(out).mode & 0o777]).toEqual([[0o600], 0o600])
    const artefact = at('private.safetensors')
    expect(await foci(...markovTo(artefact))).toMatchObject({ code: 0 })
    chmodSync(artefact, 0o640)
    expect(await foci(...markovTo(artefact))).toMatchObject({ code: 0 })
    expect(statSync(artefact).mode & 0o777).toBe(0o640)
    const parquet = at('private.parquet')
    expect(await foci(...batchTo(parquet))).toMatchObject({ code: 0 })
    chmodSync(parquet, 0o600)
    expect(await foci(...batchTo(parquet))).toMatchObject({ code: 0 })
    expect([statSync(parquet).mode & 0o777, readdirSync(at()).filter((name) => name.includes('private.parquet'))]).toEqual([
      0o600,
      ['private.parquet'],
    ])
  })

  it('is written through a link, also one to nothing', async () => {
    const [link, target] = [at('dangling.csv'), at('target.csv')]
    symlinkSync('target.csv', link)
    expect(await foci(...batchTo(link))).toMatchObject({ code: 0 })
    expect([lstatSync(link).isSymbolicLink(), lstatSync(target).isFile()]).toEqual([true, true])
  })

  it('is never a pipe, and no reader waits', async () => {
    const pipe = at('pipe.csv')
    execFileSync('mkfifo', [pipe])
    for (const words of [markovTo(pipe), batchTo(pipe, '--force')])
      expectRefusal(await foci(...words), `${pipe} cannot be written: it is a pipe.`, 'Name a file; it can be copied there afterwards.')
    expect(statSync(pipe).isFIFO()).toBe(true)
  })

  it.skipIf(!isRoot)('is never a device', async () => {
    const device = at('null.csv')
    execFileSync('mknod', [device, 'c', '1', '3']) // what /dev/null is
    for (const words of [markovTo(device, '--force'), batchTo(device)])
      expectRefusal(await foci(...words), `${device} cannot be written: it is a device.`, 'Name a file; it can be copied there afterwards.')
    expect([statSync(device).isCharacterDevice(), statSync(device).rdev]).toEqual([true, statSync('/dev/null').rdev])
  })

  it('is not where the command itself prints', () => {
    const printed = at('printed.csv')
    const main = new URL('../../dist/cli/main.js', import.meta.url).pathname
    const file = openSync(printed, 'w')
    const command = () => execFileSync(process.execPath, [main, ...batchTo(printed)], { stdio: ['ignore', file, 'pipe'], encoding: 'utf8' })
    expect(command).toThrow(`${printed} cannot be written: it is where this process prints.`)
  })
})

describe('a folder that cannot be', () => {
  it.skipIf(process.platform !== 'linux')('below /proc is told of at once', async () => {
    expect(await foci('sample', '/proc/nowhere/shop')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('error: /proc/nowhere cannot be made: there is no such file or folder.'),
    })
  })
})
