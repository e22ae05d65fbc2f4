import { expect, it } from 'vitest'
import type { Engine, Operations } from '../../../src/engine/engine.ts'
import { loadReference } from '../../engine/reference.ts'
import { attention } from './attention.ts'
import { elementwise } from './elementwise.ts'
import { losses } from './losses.ts'
import { maxLosses } from './max-losses.ts'
import { optimisers } from './optimisers.ts'
import { products } from './products.ts'
import { rows } from './rows.ts'
import { evaluate, type Result, ROUNDED_ONES, readFloat32, readFloat64, type Sample } from './samples.ts'
import { scans } from './scans.ts'
import { selection } from './selection.ts'
import { tables } from './tables.ts'
import { topics } from './topics.ts'

export const allSamples: Sample[] = [
  ...[elementwise, rows, products, tables, attention, scans, losses, maxLosses, selection, optimisers].flat(),
  ...topics.flatMap(({ samples }) => samples),
]

/** The samples of each op. */
export function byOp(list: readonly Sample[]): Map<keyof Operations, Sample[]> {
  const groups = new Map<keyof Operations, Sample[]>()
  for (const sample of list) groups.set(sample.op, [...(groups.get(sample.op) ?? []), sample])
  return groups
}

/** Every result and gradient of every sample, against the reference. */
export function checkAgreement(engine: () => Engine): void {
  const reference = loadReference()
  for (const [op, list] of byOp(allSamples)) {
    it(`${op} agrees with the reference on ${list.length} samples`, () => {
      const faults = list.flatMap((sample) => {
        const [got, wanted] = [evaluate(engine(), sample, readFloat32), evaluate(reference, sample, readFloat64)]
        const found = wanted.map((result, place) => difference(got[place], result, sample))
        return found.flatMap((fault, place) => (fault ? [`${sample.label}, result ${place}: ${fault}`] : []))
      })
      expect(faults).toEqual([])
    })
  }
}

/** What is wrong with a result, if anything: f32 within the sample's bounds, integers exact. */
function difference(got: Result, wanted: Result, { tolerance, remainder = ROUNDED_ONES }: Sample): string | undefined {
  if (got.shape.join() !== wanted.shape.join()) return `shape [${got.shape}], not [${wanted.shape}]`
  if (got.values instanceof Int32Array !== wanted.values instanceof Int32Array) return 'numbers of the other kind'
  if (got.values.length !== wanted.values.length) return `${got.values.length} values, not ${wanted.values.length}`
  const largest = Array.from(wanted.values).reduce((max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max), 0)
  const bound = wanted.values instanceof Int32Array ? 0 : tolerance * largest + remainder
  for (let i = 0; i < wanted.values.length; i++) {
    const [a, b] = [got.values[i], wanted.values[i]]
    if (!(Object.is(a, b) || Math.abs(a - b) <= bound)) return `element ${i} is ${a}, not ${b} (largest ${largest})`
  }
  return undefined
}
