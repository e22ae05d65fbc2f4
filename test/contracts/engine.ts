import { beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../src/engine/engine.ts'
import { loadReference } from '../engine/reference.ts'
import { checkAgreement } from './engine/agreement.ts'
import { checkExamples } from './engine/examples.ts'
import { checkFaults } from './engine/faults.ts'
import { checkInvariance } from './engine/invariance.ts'
import { checkLifetimes, checkSteadiness } from './engine/lifetimes.ts'

/** What a binding offers to its loader and to tests of its faults. */
const OF_BINDINGS = ['default', 'initSync', 'start', 'memoryInUse', 'reset', 'lastPanic', 'debugPanic']

/** What every engine must do. The reference is checked by hand and by finite differences, the others against it. */
export function describeEngine(name: Engine['name'], load: () => Promise<Engine>): void {
  describe(`${name} engine`, () => {
    let loaded: Engine
    const engine = () => loaded
    beforeAll(async () => {
      loaded = await load()
    })

    it('has the name it is asked for by', () => {
      expect(engine().name).toBe(name)
    })
    describe('examples by hand', () => checkExamples(engine))
    describe('lifetimes', () => checkLifetimes(engine))
    describe('faults', () => checkFaults(engine))
    if (name === 'reference') return

    it('has the functions of the interface, and no operation besides', () => {
      const wanted = functionsOf(loadReference()).filter((key) => !['values', 'fromFloat64'].includes(key))
      expect(functionsOf(engine()).filter((key) => !OF_BINDINGS.includes(key))).toEqual(wanted)
    })
    describe('steadiness', () => checkSteadiness(engine))
    describe('agreement', () => checkAgreement(engine))
    describe('batch invariance', () => checkInvariance(engine))
  })
}

/** Names of an object's functions, its own and its class's. */
function functionsOf(engine: Engine): string[] {
  const names = new Set<string>()
  for (let o: object = engine; o !== Object.prototype; o = Object.getPrototypeOf(o)) {
    for (const key of Object.getOwnPropertyNames(o)) {
      if (key !== 'constructor' && typeof Reflect.get(engine, key) === 'function') names.add(key)
    }
  }
  return [...names].sort()
}
