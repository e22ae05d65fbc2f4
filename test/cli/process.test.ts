import { existsSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { foci, folder, start } from './foci.ts'

const at = folder()
const log = at('world', 'interactions.csv')

beforeAll(async () => {
  await foci('sample', at('world'), '--users', '200')
}, 30_000)

describe('Ctrl-C while training', () => {
  const settings = ['train', log, '--model', 'sasrec', '--dim', '8', '--max-length', '20', '--epochs', '30', '--patience', '30', '--out']

  it('keeps a checkpoint, and the command it shows ends in the artefact of a run that nobody stopped', { timeout: 60_000 }, async () => {
    const whole = await foci(...settings, at('whole.safetensors'))
    expect(whole.code, whole.stderr).toBe(0)

    const out = at('stopped.safetensors')
    const run = start([...settings, out])
    await run.said('epoch   1')
    run.child.kill('SIGINT')
    const { code, stderr } = await run.ended
    expect(code).toBe(130)
    expect(stderr).toContain(`error: training was stopped, and its state is in ${out}.checkpoint.\n`)
    expect(stderr).not.toContain('    at ')
    expect([existsSync(`${out}.checkpoint`), existsSync(out)]).toEqual([true, false])

    const [, command] = /^hint: Go on with: foci (.*)$/m.exec(stderr) ?? []
    const resumed = await foci(...command.split(' '))
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(resumed.stdout).not.toContain('epoch   1 ')
    expect(resumed.stdout).toContain('epoch  30 ')
    expect(readFileSync(out).equals(readFileSync(at('whole.safetensors')))).toBe(true)
    expect(existsSync(`${out}.checkpoint`)).toBe(false)
  })

  it('ends at once the second time', { timeout: 60_000 }, async () => {
    // One step of all users takes so long that the second signal comes within it
    const slow = ['train', log, '--model', 'sasrec', '--dim', '256', '--blocks', '8', '--batch', '200', '--out', at('slow.safetensors')]
    const run = start(slow)
    await run.said('epoch   1')
    run.child.kill('SIGINT')
    await run.said('Ctrl-C again ends at once')
    run.child.kill('SIGINT')
    expect(await run.ended).toMatchObject({ code: null, signal: 'SIGINT' })
  })

  it('says so where --resume finds nothing to go on from', async () => {
    const { code, stderr } = await foci('train', log, '--model', 'markov', '--out', at('m.safetensors'), '--resume')
    expect([code, stderr]).toEqual([0, expect.stringContaining(`note: there is no ${at('m.safetensors')}.checkpoint`)])
  })
})

describe('FOCI_PROFILE', () => {
  const settings = ['train', log, '--model', 'sasrec', '--dim', '8', '--max-length', '20', '--epochs', '2', '--out']

  it('tells at the end, on standard error, where the time of the steps went, and changes nothing', async () => {
    const plain = await foci(...settings, at('plain.safetensors'))
    const { code, stdout, stderr } = await start([...settings, at('profiled.safetensors')], { FOCI_PROFILE: '1' }).ended
    expect([code, plain.stderr]).toEqual([0, ''])
    // 200 users are two steps an epoch
    expect(stderr).toMatch(
      /^\n4 steps of \d+ tokens, [\d.]+ ms each: native, \w+, threads: \d+; peaks: \d+ GFLOP\/s in f32, \d+ GB\/s read from memory\n/,
    )
    expect(stderr).toMatch(/^crossEntropy +4 +[\d.]+ +[\d.]+% +[\d.]+ +\d+%$/m)
    expect(stderr).toMatch(/^add +56 +[\d.]+ +[\d.]+% +[\d.]+ +\d+%$/m)
    expect(stdout.replaceAll('profiled', 'plain').replace(/ [\d.]+ s$/gm, '')).toBe(plain.stdout.replace(/ [\d.]+ s$/gm, ''))
    expect(readFileSync(at('profiled.safetensors')).equals(readFileSync(at('plain.safetensors')))).toBe(true)
  })
})

describe('streams', () => {
  it('end quietly where the reader has enough', async () => {
    const run = start(['models', '--json'])
    run.child.stdout?.destroy()
    expect(await run.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it('show a stack only to those who ask for it', async () => {
    const { stderr } = await start(['inspect', at('nothing')], { FOCI_DEBUG: '1' }).ended
    expect(stderr).toContain('    at ')
  })
})

describe('starting', () => {
  it('loads neither DuckDB nor an engine for help and models', () => {
    const dist = new URL('../../dist/', import.meta.url)
    const loaded = new Set<string>()
    const walk = (url: URL): void => {
      if (loaded.has(url.href)) return
      loaded.add(url.href)
      for (const [, name] of readFileSync(url, 'utf8').matchAll(/^(?:import|export) .*?['"]([^'"\n]+)['"];?$/gm)) {
        if (name.startsWith('.')) walk(new URL(name, url))
        else loaded.add(name)
      }
    }
    walk(new URL('cli/main.js', dist))
    walk(new URL('models/registry.js', dist))
    expect([...loaded]).toContain('commander') // the walk sees packages
    expect([...loaded].filter((name) => name.startsWith('@duckdb') || name.includes('/dist/engine/') || name.includes('/train/'))).toEqual(
      [],
    )
  })
})
