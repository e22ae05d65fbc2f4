/** Reads a file that may be hostile. */
import { FociError, readInteractions } from 'foci'
import type { Bounded, Bounds } from '../bounds.bench.ts'
import { fociVersion, job, report } from '../outcome.ts'

const { path, memory } = job<Bounded>()
const start = performance.now()
const found = await bounds()
report(fociVersion, { s: [(performance.now() - start) / 1000] }, found)

async function bounds(): Promise<Bounds> {
  try {
    const { items, skipped } = await readInteractions(path, { memory, skipInvalid: true })
    return { rows: items.length, left: Object.values(skipped).reduce((sum, count) => sum + count, 0) }
  } catch (error) {
    if (error instanceof FociError) return { code: error.code }
    throw error
  }
}
