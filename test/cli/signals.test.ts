import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { writeBy } from '../read/files.ts'
import { type Ended, foci, folder, main, start } from './foci.ts'

const at = folder()
const log = at('world', 'interactions.csv')
let parquet: string
const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const
const small = ['--model', 'sasrec', '--dim', '8', '--max-length', '20', '--epochs', '30', '--patience', '30', '--out']
/** A step takes seconds, so that much can be done within one. */
const slow = ['--model', 'sasrec', '--dim', '256', '--blocks', '8', '--batch', '200', '--out']

const ended = ({ code, stderr }: Ended): void => expect(code, stderr).toBe(0)

beforeAll(async () => {
  ended(await foci('sample', at('world'), '--users', '200'))
  ended(await foci('train', log, ...small, at('whole.safetensors')))
  ended(await foci('batch', at('whole.safetensors'), log, '--out', at('whole.csv')))
  parquet = await writeBy(`COPY (SELECT * FROM read_csv('${log}')) TO $1`)
})

/** Goes on as the hint says. */
async function goOn(stderr: string): Promise<Ended> {
  const [, command] = /^hint: (?:Go on|Start it again) with: foci (.*)$/m.exec(stderr) ?? []
  const resumed = await foci(...command.split(' '))
  ended(resumed)
  return resumed
}

/** A program that gets a signal the moment it loads an addon. */
function startSignalled(words: readonly string[], addon: string, signal: NodeJS.Signals): Promise<Ended> {
  const hook = at(`hook-${addon}.cjs`)
  writeFileSync(
    hook,
    `const { dlopen } = process
     process.dlopen = (module, path, ...rest) => {
       const loaded = dlopen.call(process, module, path, ...rest)
       if (path.includes(${JSON.stringify(addon)})) process.kill(process.pid, process.env.HOOK_SIGNAL)
       return loaded
     }`,
  )
  return start(words, { NODE_OPTIONS: `--require=${hook}`, HOOK_SIGNAL: signal }).ended
}

describe.each(SIGNALS)('%s', (signal, exit) => {
  it.each([0, 300])('in the first epoch leaves a checkpoint that goes on to the same artefact, after %i ms', async (wait) => {
    const out = at(`${signal}-${wait}.safetensors`)
    const run = start(['train', log, ...small, out])
    await run.said('Training sasrec')
    await new Promise((resolve) => setTimeout(resolve, wait))
    run.child.kill(signal)
    const { code, stderr } = await run.ended
    expect([code, stderr]).toEqual([exit, expect.stringContaining(`error: training was stopped, and its state is in ${out}.checkpoint.\n`)])
    expect([existsSync(`${out}.checkpoint`), existsSync(out)]).toEqual([true, false])
    await goOn(stderr)
    expect(readFileSync(out).equals(readFileSync(at('whole.safetensors')))).toBe(true)
  })

  it('while the log is read ends the run, and says how to start it again', async () => {
    const out = at(`read-${signal}.safetensors`)
    const { code, stdout, stderr } = await startSignalled(['train', parquet, ...small, out], 'duckdb', signal)
    expect([code, stdout]).toEqual([exit, ''])
    expect(stderr).toMatch(/^error: training was stopped before there was anything to keep\.\nhint: Start it again with: foci train /)
    expect(readdirSync(at()).filter((name) => name.startsWith(`read-${signal}`))).toEqual([])
  })

  it('while a batch is loaded ends the run, and the command it shows gives the lists', async () => {
    const out = at(`lists-${signal}.csv`)
    const { code, stderr } = await startSignalled(['batch', at('whole.safetensors'), log, '--out', out], 'foci.', signal)
    expect([code, stderr]).toEqual([exit, expect.stringContaining('error: the run was stopped before its first rows.\n')])
    expect(existsSync(out)).toBe(false)
    await goOn(stderr)
    expect(readFileSync(out).equals(readFileSync(at('whole.csv')))).toBe(true)
  })
})

describe('within a step', () => {
  it.each([SIGNALS[0], SIGNALS[2]])('%s twice in one moment is one request, and waits for the end of the step', async (signal, exit) => {
    const run = start(['train', log, ...slow, at(`echo-${signal}.safetensors`)])
    await run.said('epoch   1')
    for (let i = 0; i < 2; i++) run.child.kill(signal)
    const { code, stderr } = await run.ended
    expect([code, stderr]).toEqual([exit, expect.stringContaining('note: stopping after this step; Ctrl-C again ends at once.\n')])
  })

  it('SIGHUP after SIGTERM ends the process at once', async () => {
    const run = start(['train', log, ...slow, at('twice.safetensors')])
    await run.said('epoch   1')
    run.child.kill('SIGTERM')
    await run.said('Ctrl-C again ends at once')
    run.child.kill('SIGHUP')
    expect(await run.ended).toMatchObject({ code: null, signal: 'SIGHUP' })
  })
})

describe('a counted model', () => {
  it('has nothing to keep', async () => {
    const { code, stderr } = await startSignalled(['train', log, '--model', 'markov', '--out', at('m.safetensors')], 'foci.', 'SIGTERM')
    expect([code, stderr]).toEqual([
      143,
      expect.stringContaining('before there was anything to keep.\nhint: Start it again with: foci train'),
    ])
  })
})

describe('a reader that closes the pipe', () => {
  it('stops training after the step, with a word', async () => {
    const out = at('closed.safetensors')
    const run = start(['train', log, ...small, out])
    await run.said('epoch   1')
    run.child.stdout?.destroy()
    const { code, stderr } = await run.ended
    const message = `error: nobody reads the output any more, so training was stopped, and its state is in ${out}.checkpoint.\n`
    expect([code, stderr]).toEqual([141, expect.stringContaining(message)])
    await goOn(stderr)
    expect(readFileSync(out).equals(readFileSync(at('whole.safetensors')))).toBe(true)
  })

  it('of standard error stops it too, where there was something to say', async () => {
    const out = at('mute.safetensors')
    const run = start(['train', log, ...small, out, '--json'])
    await run.said('epoch   1')
    run.child.stderr?.destroy()
    expect(await run.ended).toMatchObject({ code: 141, stdout: '' })
    ended(await foci('train', log, ...small, out, '--resume'))
    expect(readFileSync(out).equals(readFileSync(at('whole.safetensors')))).toBe(true)
  })

  it('stops a batch, and the command it shows gives the lists', async () => {
    const out = at('closed.csv')
    const run = start(['batch', at('whole.safetensors'), log, '--out', out])
    run.child.stdout?.destroy()
    const { code, stderr } = await run.ended
    const [, what] = /^error: nobody reads the output any more, so (.*)\n/.exec(stderr) ?? []
    expect([code, what]).toEqual([141, expect.any(String)])
    if (what !== `the run was stopped once all of ${out} was in its place.`) await goOn(stderr)
    expect(readFileSync(out).equals(readFileSync(at('whole.csv')))).toBe(true)
    expect(existsSync(`${out}.parts`)).toBe(false)
  })

  it.skipIf(process.platform === 'win32')('ends a command whose result is what it prints quietly, as in a shell', async () => {
    const shop = at('whole.safetensors')
    const commands = [
      ['recommend', shop, '--history', 'tent-1'],
      ['inspect', log],
      ['models', 'sasrec'],
      ['train', '--help'],
    ]
    for (const words of commands) {
      const line = [process.execPath, main, ...words].join(' ')
      const { stdout, stderr } = spawnSync('bash', ['-c', `set -o pipefail; ${line} | true; echo $?`], { encoding: 'utf8' })
      expect([stdout, stderr], words[0]).toEqual(['0\n', ''])
    }
  })
})

it.skipIf(!existsSync('/dev/full'))('output that a full disk cannot take stops training after the step, with a word', () => {
  const out = at('full.safetensors')
  const line = [process.execPath, main, 'train', log, ...small, out].join(' ')
  const { status, stderr } = spawnSync('bash', ['-c', `${line} > /dev/full`], { encoding: 'utf8' })
  expect([status, stderr]).toEqual([
    1,
    expect.stringMatching(/^error: the output cannot be written \(ENOSPC.*\), so training was stopped, and /),
  ])
  expect(existsSync(`${out}.checkpoint`)).toBe(true)
})

const TERMINAL = `
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp('bash', ['bash', '--norc', '-i'])
def until(*texts):
    seen = b''
    while not any(text in seen for text in texts): seen += os.read(fd, 4096)
until(b'# ', b'$ ')
os.write(fd, (sys.argv[1] + '; echo ended\\n').encode())
until(b'Training sasrec')
os.close(fd)
os.waitpid(pid, 0)
`

describe('a terminal that is closed', () => {
  const tools = ['python3', 'bash'].every((tool) => spawnSync(tool, ['--version']).status === 0)
  it.skipIf(process.platform === 'win32' || !tools)('leaves a checkpoint', async () => {
    const out = at('hung.safetensors')
    const words = [process.execPath, main, 'train', log, ...slow, out]
    const terminal = spawn('python3', ['-c', TERMINAL, words.join(' ')], { stdio: 'ignore' })
    await expect.poll(() => existsSync(`${out}.checkpoint`), { timeout: 60_000, interval: 50 }).toBe(true)
    expect(existsSync(out)).toBe(false)
    terminal.kill()
  })
})
