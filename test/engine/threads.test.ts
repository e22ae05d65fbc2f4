import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const folder = fileURLToPath(new URL('../../build/native/', import.meta.url))
const addon = folder + readdirSync(folder).find((file) => file.endsWith('.node'))

/** Prints what `script` gives in a process of its own, whose pool starts afresh. */
function inProcess(script: string, env: Readonly<Record<string, string>> = {}): string {
  const source = `const e = require(${JSON.stringify(addon)}); process.stdout.write(String((() => { ${script} })()))`
  return execFileSync(process.execPath, ['-e', source], { encoding: 'utf8', env: { ...process.env, ...env } })
}

/** A hash of results of ops that spread their work, with gradients. */
const RESULTS = `
  e.openScope()
  const make = (rows, columns, s) =>
    e.fromFloat32(Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(s * i + s)), Uint32Array.of(rows, columns))
  const [x, w, items] = [make(2000, 64, 1.3), make(64, 64, 0.7), make(3000, 64, 2.1)]
  const ints = (length, f) => e.fromInt32(Int32Array.from({ length }, (_, i) => f(i)), Uint32Array.of(length))
  const [offsets, targets] = [ints(51, (i) => 40 * i), ints(2000, (i) => (i * 7919) % 3000)]
  const y = e.linear(x, w, 0)
  const y1 = e.fromFloat32(Float32Array.from({ length: 39 }, (_, i) => Math.sin(i)), Uint32Array.of(39))
  const [out, lse] = e.attention(y, x, y, offsets, offsets, 2, 0.2, 3, 5)
  const results = [y, out, lse, e.linearWeightGradient(x, out), e.sumRows(out), e.softmax(y), e.gelu(y),
    ...e.attentionGradient(y, x, y, out, lse, x, offsets, offsets, 2, 0.2, 3, 5), ...e.crossEntropy(out, items, targets, 0),
    e.gatherGradient(out, targets)[0], ...e.maxCrossEntropy(out, items, ints(1000, (i) => (i * 7919) % 3000), 0, 2),
    ...e.attendGradient(y, x, y, out, lse, x, offsets, offsets, y1, 0, 0, 0, 2, 1, 0, 0.2, 3, 5)]
  const hash = require('crypto').createHash('sha256')
  for (const id of results) hash.update(e.readFloat32(id))
  return e.threads() + ' ' + hash.digest('hex')`

describe('the pool of a process', () => {
  it('gives the same bits at 1, 2, 3 and 8 threads', () => {
    const runs = ['1', '2', '3', '8'].map((threads) => inProcess(RESULTS, { FOCI_THREADS: threads }).split(' '))
    expect(runs.map(([threads]) => threads)).toEqual(['1', '2', '3', '8'])
    expect(new Set(runs.map(([, hash]) => hash)).size).toBe(1)
  })

  it('takes setThreads over FOCI_THREADS, until it runs', () => {
    expect(inProcess(`e.setThreads(3); return e.threads()`, { FOCI_THREADS: '2' })).toBe('3')
    const late = `${RESULTS.replace('return', 'const done =')}; try { e.setThreads(2) } catch (error) { return error.message }`
    expect(inProcess(late, { FOCI_THREADS: '3' })).toBe('setThreads: the pool already runs with 3 threads')
  })

  it('is left alone by a thread that works alone, which gives the same bits', () => {
    const [, hash] = inProcess(RESULTS, { FOCI_THREADS: '2' }).split(' ')
    // Only a pool that never ran can be sized
    const alone = `e.workAlone(); ${RESULTS.replace(/return (?=e)/, 'e.setThreads(5); return ')}`
    expect(inProcess(alone, { FOCI_THREADS: '2' })).toBe(`5 ${hash}`)
  })

  it('ignores a FOCI_THREADS that is no number of threads', () => {
    const cores = inProcess('return e.threads()', { FOCI_THREADS: '' })
    for (const threads of ['0', 'many', '-1', '1.5']) expect(inProcess('return e.threads()', { FOCI_THREADS: threads })).toBe(cores)
    expect(inProcess(`try { e.setThreads(0) } catch (error) { return error.code }`)).toBe('RANGE')
  })
})
