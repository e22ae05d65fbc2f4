import { expect, it } from 'vitest'
import type { Engine } from '../../../src/engine/engine.ts'
import { arithmetic } from './examples/arithmetic.ts'
import type { Example } from './examples/example.ts'
import { interests } from './examples/interests.ts'
import { learning } from './examples/learning.ts'
import { structure } from './examples/structure.ts'
import { readEither, readFloat32 } from './samples.ts'
import { topics } from './topics.ts'

export const examples: Example[] = [...arithmetic, ...structure, ...learning, ...interests, ...topics.flatMap((topic) => topic.examples)]

export function checkExamples(engine: () => Engine): void {
  for (const { op, title, run, gives } of examples) {
    it(`${op} ${title}`, () => {
      const e = engine()
      e.openScope()
      const ids = Array.from(run(e))
      const results = ids.map((id) => Array.from(readEither(e, id, readFloat32)))
      for (const id of ids) e.release(id)
      e.closeScope(new Uint32Array())
      expect(results.map((values) => values.length)).toEqual(gives.map((values) => values.length))
      gives.forEach((values, place) => {
        values.forEach((value, i) => {
          if (Number.isFinite(value)) expect(results[place][i], `result ${place}, element ${i}`).toBeCloseTo(value, 5)
          else expect(results[place][i], `result ${place}, element ${i}`).toBe(value)
        })
      })
    })
  }
}
