import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { writeBy } from '../read/files.ts'
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
    expect(stderr).toMatch(/^add +44 +[\d.]+ +[\d.]+% +[\d.]+ +\d+%$/m)
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
  const chunks = new URL('../../dist/chunks/', import.meta.url)

  /** What a file of dist/ loads, itself included: files by their names, packages and modules of Node by theirs. */
  function loadedBy(file: string): Set<string> {
    const loaded = new Set<string>()
    const walk = (url: URL): void => {
      const name = url.pathname.split('/').at(-1) ?? ''
      if (loaded.has(name)) return
      loaded.add(name)
      for (const [, from] of readFileSync(url, 'utf8').matchAll(/^(?:import|export) .*?['"]([^'"\n]+)['"];?$/gm)) {
        if (from.startsWith('.')) walk(new URL(from, url))
        else loaded.add(from)
      }
    }
    walk(new URL(file, chunks))
    return loaded
  }

  /** Addons that a run loads. */
  async function addonsOf(...words: string[]): Promise<string[]> {
    const hook = at('hook.cjs')
    writeFileSync(
      hook,
      `const { dlopen } = process
       process.dlopen = (module, path, ...rest) => {
         process.stderr.write('addon ' + path + '\\n')
         return dlopen.call(process, module, path, ...rest)
       }`,
    )
    const { code, stderr } = await start(words, { NODE_OPTIONS: `--require=${hook}` }).ended
    expect(code, stderr).toBe(0)
    return [...stderr.matchAll(/^addon .*?([^/\\]+)\.node$/gm)].map(([, name]) => name)
  }

  it('needs no model, engine or log for help', () => {
    const loaded = loadedBy('../cli/main.js')
    expect([...loaded]).toContain('cli.js')
    for (const name of ['serve.js', 'native.js', 'train.js', 'batch.js']) expect([...loaded]).not.toContain(name)
  })

  it('needs nothing of Node to serve', () => {
    const loaded = [...loadedBy('../recommend/recommender.js'), ...loadedBy('../artefact/artefact.js'), ...loadedBy('../engine/wasm.js')]
    expect(loaded).toContain('serve.js')
    expect(loaded.filter((name) => name.startsWith('node:') || name.startsWith('@'))).toEqual([])
  })

  it('leaves the threads of others alone that load it', async () => {
    const program = `import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)})
      .then(({ FociError }) => require('node:worker_threads').parentPort.postMessage(new FociError('FILE', 'loaded', '').message))`
    const thread = new Worker(program, { eval: true, workerData: { of: 'others' } })
    const messages: unknown[] = []
    thread.on('message', (message) => messages.push(message))
    await once(thread, 'exit')
    expect(messages).toEqual(['loaded'])
  })

  it('loads no addon for help and models, and DuckDB for Parquet alone', async () => {
    expect(await addonsOf('--help')).toEqual([])
    expect(await addonsOf('models', 'sasrec')).toEqual([])
    const [packed, quoted] = [at('packed.csv.gz'), at('quoted.csv')]
    const text = readFileSync(log, 'utf8')
    writeFileSync(packed, gzipSync(text))
    writeFileSync(quoted, text.replace('user,', '"user",').replace(/\n([^,]+),/, '\n"$1",'))
    const own = process.env.FOCI_ENGINE === 'wasm' ? [] : [expect.stringMatching(/^foci\./)]
    if (own.length > 0) expect(await addonsOf('inspect', packed)).toEqual(own)
    expect(await addonsOf('inspect', quoted)).toEqual(own)
    const parquet = await writeBy(`COPY (SELECT * FROM read_csv('${log}')) TO $1`)
    expect(await addonsOf('inspect', parquet)).toEqual(['duckdb', ...own])
  })
})
