import { describe, expect, it } from 'vitest'
import { readArtefact, writeArtefact } from '../../src/artefact/artefact.ts'
import type { Column } from '../../src/data/table-columns.ts'
import { FociError } from '../../src/errors.ts'
import { featureOf, itemFeature, userFeature } from '../../src/models/features.ts'
import { readInteractions } from '../../src/read/read.ts'
import { bare } from '../artefact/sample.ts'

describe('a feature', () => {
  it('of words has them as indices in order of first appearance', () => {
    expect(featureOf({ kind: 'words', of: [['b', 'a'], [], ['a', 'c', 'a']] })).toEqual({
      kind: 'words',
      size: 3,
      vocabulary: ['b', 'a', 'c'],
      values: Int32Array.of(0, 1, 1, 2, 1),
      offsets: Int32Array.of(0, 2, 2, 5),
    })
  })

  it('of numbers is less their mean, over their deviation, and 0 where none is given', () => {
    // Mean of 1, 3, 5, 7 is 4; their squares about it are 9, 1, 1, 9, whose mean is 5
    const values = Float32Array.of(-3, -1, 0, 1, 3).map((value) => value / Math.sqrt(5))
    expect(featureOf({ kind: 'number', of: Float64Array.of(1, 3, Number.NaN, 5, 7) })).toEqual({
      kind: 'number',
      values,
      mean: 4,
      deviation: Math.sqrt(5),
    })
  })

  it('of one number for all, or of none, is 0', () => {
    // Three times 0.1 over three is not 0.1
    expect(featureOf({ kind: 'number', of: Float64Array.of(0.1, 0.1, Number.NaN, 0.1) })).toEqual({
      kind: 'number',
      values: new Float32Array(4),
      mean: Math.fround(0.1),
      deviation: 1,
    })
    const none = { kind: 'number', values: new Float32Array(2), mean: 0, deviation: 1 }
    expect(featureOf({ kind: 'number', of: Float64Array.of(Number.NaN, Number.NaN) })).toEqual(none)
    expect(featureOf({ kind: 'number', of: new Float64Array(0) })).toEqual({ ...none, values: new Float32Array(0) })
  })

  it('of vectors is their numbers, and zeros where none is given', () => {
    const column: Column = { kind: 'vector', width: 2, of: Float32Array.of(1, 2, 0, 0), given: Uint8Array.of(1, 0) }
    expect(featureOf(column)).toEqual({ kind: 'vector', width: 2, values: Float32Array.of(1, 2, 0, 0) })
  })

  it('has the same bits from an artefact', async () => {
    const columns: Record<string, Column> = {
      n: { kind: 'number', of: Float64Array.of(0.1, 1 / 3, Number.NaN, 1e9 + 1) },
      w: { kind: 'words', of: [['z'], ['y', 'z'], [], ['x']] },
      v: { kind: 'vector', width: 1, of: Float32Array.of(0, 0.1, 0, 2), given: Uint8Array.of(0, 1, 1, 1) },
    }
    const catalogue = { ids: ['a', 'b', 'c', 'd'], columns }
    const read = await readArtefact(await writeArtefact({ ...bare(), catalogue, popular: Int32Array.of(0) }))
    for (const name of Object.keys(columns))
      expect(itemFeature('tower', read.catalogue, name)).toEqual(itemFeature('tower', catalogue, name))
  })

  it('that the table lacks is an error with the model, the column and the flag', async () => {
    const rows = [{ user: 'u', item: 'x', timestamp: 1 }]
    const log = await readInteractions(rows, { items: [{ item: 'x', colour: 'red', categories: ['a'] }], users: [{ user: 'u', age: 3 }] })
    expect(itemFeature('tower', log.catalogue, 'categories')).toMatchObject({ vocabulary: ['a'] })
    expect(userFeature('tower', { columns: log.userColumns }, 'age')).toMatchObject({ kind: 'number', mean: 3 })
    const error = (act: () => unknown): FociError => {
      try {
        act()
      } catch (thrown) {
        if (thrown instanceof FociError) return thrown
      }
      throw new Error('no error')
    }
    const item = error(() => itemFeature('tower', log.catalogue, 'toString'))
    expect([item.code, item.message]).toEqual([
      'NEED',
      'tower reads the column "toString" of the items table, and there is none; there are "colour".',
    ])
    expect(item.hint).toContain('--items FILE')
    const user = error(() => userFeature('tower', {}, 'age'))
    expect([user.code, user.message]).toEqual(['NEED', 'tower reads the column "age" of the users table, and there is none.'])
    expect(user.hint).toContain('--users FILE')
  })
})
