/** Writes uniform numbers from −1 to 1 that all sides read: tables, queries and the inputs of kernels. */
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { uniform } from '#foci/data/random.js'
import { fociVersion, job, report } from '../outcome.ts'

const { path, count } = job<{ path: string; count: number }>()
if (!existsSync(path) || statSync(path).size !== 4 * count) {
  const numbers = new Float32Array(count)
  for (let i = 0; i < count; i++) numbers[i] = 2 * uniform(1, 0, i) - 1
  writeFileSync(path, numbers)
}
report(fociVersion, {})
