import { expect, it } from 'vitest'
import type { Engine, Operations } from '../../../src/engine/engine.ts'
import { signatures } from '../../../src/engine/operations.ts'
import { loadReference } from '../../engine/reference.ts'
import { allSamples } from './agreement.ts'
import { examples } from './examples.ts'
import { evaluate, readFloat32 } from './samples.ts'

/** The operations of the table. */
export const operations = Object.keys(signatures) as (keyof Operations)[]

/** Counts on how many samples each operation is called. */
function callsByOp(): Map<string, number> {
  const engine = loadReference()
  const calls = new Map<string, number>()
  let called = new Set<string>()
  const watched = new Proxy<Engine>(engine, {
    get(target, key, receiver) {
      called.add(String(key))
      return Reflect.get(target, key, receiver)
    },
  })
  for (const sample of allSamples) {
    called = new Set()
    evaluate(watched, sample, readFloat32)
    for (const op of called) calls.set(op, (calls.get(op) ?? 0) + 1)
  }
  return calls
}

/** That the suite leaves no operation out. */
export function checkCoverage(): void {
  it('calls every operation on at least twenty samples', () => {
    const calls = callsByOp()
    expect(operations.filter((op) => (calls.get(op) ?? 0) < 20)).toEqual([])
  })

  it('works out every operation by hand, or checks it as a gradient', () => {
    const byHand = new Set<string>(examples.map(({ op }) => op))
    expect(operations.filter((op) => !byHand.has(op) && !/Gradient$/.test(op))).toEqual([])
  })
}
