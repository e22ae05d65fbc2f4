import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Engine, Id } from '../../src/engine/engine.ts'
import { thrown } from '../contracts/engine/faults.ts'
import { bindings } from './bindings.ts'

const NONE = new Uint32Array()
const scalar = (e: Engine, value: number): Id => e.fromFloat32(Float32Array.of(value), Uint32Array.of(1))

describe.each(bindings)('lifetimes of %s', (name, load) => {
  let e: Engine
  beforeAll(async () => {
    e = await load()
  })

  it('gives one engine a thread', async () => {
    expect(await Promise.all([load(), load()])).toEqual([e, e])
    expect(await load()).toBe(e)
    expect(e.name).toBe(name)
  })

  it('behaves as a list of scopes does, whatever is made, kept and released', () => {
    const actions = fc.array(fc.record({ action: fc.constantFrom('open', 'make', 'make', 'make', 'release', 'close'), pick: fc.nat() }))
    fc.assert(fc.property(actions, (sequence) => follow(e, sequence)))
  })

  it('frees what a scope made when an operation in it fails', () => {
    const [before] = Array.from(e.memory())
    e.openScope()
    const x = scalar(e, 1)
    thrown(() => e.add(x, e.fromFloat32(new Float32Array(2), Uint32Array.of(2))))
    e.closeScope(NONE)
    expect(e.memory()[0]).toBe(before)
  })

  it('allocates nothing over ten thousand calls of changing sizes, once each was seen', () => {
    const call = (i: number) => {
      e.openScope()
      const x = e.fromFloat32(new Float32Array((1 + (i % 97)) * 8), Uint32Array.of(1 + (i % 97), 8))
      e.linear(x, e.fromFloat32(new Float32Array(64), Uint32Array.of(8, 8)), 0)
      e.closeScope(NONE)
    }
    // Long enough for what earlier tests left to go back to the system
    for (let i = 0; i < 3000; i++) call(i)
    const before = Array.from(e.memory())
    for (let i = 0; i < 10_000; i++) call(i)
    expect(Array.from(e.memory())).toEqual(before)
  })

  it('reads no live tensor through any of a hundred thousand stale ids', () => {
    e.openScope()
    const live = scalar(e, 42)
    const stale = new Uint32Array(100_000).map(() => {
      const id = scalar(e, 0)
      e.release(id)
      return id
    })
    expect(new Set(stale).size).toBe(stale.length)
    expect(stale).not.toContain(live)
    expect(e.readFloat32(live)[0]).toBe(42)
    e.closeScope(NONE)
  })
})

/** Runs a sequence on the engine and on plain lists, and compares which ids still read. */
function follow(e: Engine, sequence: readonly { action: string; pick: number }[]): void {
  const scopes: Map<Id, number>[] = []
  const freed: Id[] = []
  const close = (pick: number) => {
    const closing = [...(scopes.pop() ?? [])]
    const kept = scopes.length > 0 ? closing.filter((_, i) => (pick >> (i % 16)) & 1) : []
    for (const [id, value] of kept) scopes.at(-1)?.set(id, value)
    freed.push(...closing.filter((entry) => !kept.includes(entry)).map(([id]) => id))
    e.closeScope(Uint32Array.from(kept, ([id]) => id))
  }
  for (const { action, pick } of sequence) {
    const scope = scopes.at(-1)
    if (action === 'open') {
      e.openScope()
      scopes.push(new Map())
    } else if (action === 'close' && scope) close(pick)
    else if (action === 'make' && scope) scope.set(scalar(e, pick), Math.fround(pick))
    else if (action === 'release' && scope && scope.size > 0) {
      const id = [...scope.keys()][pick % scope.size]
      e.release(id)
      scope.delete(id)
      freed.push(id)
    }
  }
  for (const [id, value] of scopes.flatMap((scope) => [...scope])) expect(e.readFloat32(id)[0]).toBe(value)
  for (const id of freed) expect(thrown(() => e.readFloat32(id)).code).toBe('TENSOR_FREED')
  while (scopes.length > 0) close(0)
}

describe('threads of one process', () => {
  const folder = fileURLToPath(new URL('../../build/native/', import.meta.url))
  const addon = folder + readdirSync(folder).find((file) => file.endsWith('.node'))

  /** What `body` gives in a worker with an engine of its own, once that thread has ended. */
  const inWorker = async (body: string): Promise<unknown> => {
    const script = `const addon = require(${JSON.stringify(addon)}); require('worker_threads').parentPort.postMessage((() => { ${body} })())`
    const worker = new Worker(script, { eval: true })
    const [[result]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
    return result
  }

  it('share frozen weights, which outlive the thread that froze them only while another holds them', async () => {
    const [, load] = bindings[0]
    const e = await load()
    const held = e.freeze('across', 'item', Float32Array.of(1, 2), Uint32Array.of(2))
    expect(await inWorker(`return Array.from(addon.readFloat32(addon.frozen('across', 'item')))`)).toEqual([1, 2])
    e.release(held)
    expect(e.frozen('across', 'item')).toBe(0)
    await inWorker(`addon.freeze('there', 'item', Float32Array.of(3), Uint32Array.of(1))`)
    expect(e.frozen('there', 'item')).toBe(0)
  })

  it('have arenas of their own: an id of one names nothing in another', async () => {
    const [, load] = bindings[0]
    const e = await load()
    const variable = e.variable(Uint32Array.of(1))
    const code = await inWorker(`try { addon.readFloat32(${variable}); return 'read' } catch (error) { return error.code }`)
    expect(code).toBe('FREED')
    e.release(variable)
  })
})
