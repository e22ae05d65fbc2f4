/**
 * Where a training step of sasrec spends its time, by op: `npm run bench -- profile LOG [MAX_LENGTH]`. Every engine call of
 * twenty steps is timed from outside, on the thread that makes it.
 */
import { readInteractions, sasrec } from 'foci'
import { epochBatches, windows } from '#foci/data/batches.js'
import { leaveOneOut } from '#foci/data/split.js'
import type { Engine } from '#foci/engine/engine.js'
import { loadNative } from '#foci/engine/native.js'
import type { Encoder } from '#foci/models/contracts.js'
import { Tensor } from '#foci/tensor/tensor.js'
import { Variables } from '#foci/tensor/variables.js'
import { Adam } from '#foci/train/optimiser.js'
import { trainStep } from '#foci/train/step.js'
import { table } from './results.ts'

const WARM = 5
const STEPS = 20

const [path = '../shared/data/movielens-1m/interactions.csv.gz', maxLength = '200'] = process.argv.slice(2)
const log = await readInteractions(path)
const spent = new Map<string, number>()
const engine = timed(loadNative(), spent)
const split = leaveOneOut(log)
const variables = new Variables(engine, { seed: 1 })
const { definition, options } = sasrec({ maxLength: Number(maxLength) })
const model = definition.build(options, { engine, items: log.catalogue.size, variables }) as Encoder
const adam = new Adam(engine, variables.all, { learningRate: 1e-3 })

let [step, tokens, started] = [0, 0, 0]
for (const rows of epochBatches(windows(split, model.maxLength), { size: 128, seed: 1, epoch: 0 })) {
  if (step === WARM) {
    spent.clear()
    ;[tokens, started] = [0, performance.now()]
  }
  if (step === WARM + STEPS) break
  tokens += rows.items.length
  trainStep(engine, model, adam, () => ({
    histories: { items: Tensor.int32(engine, rows.items), offsets: Tensor.int32(engine, rows.offsets) },
    requests: {},
    targets: Tensor.int32(engine, rows.targets),
    draw: { seed: 1, step: step++ },
  }))
}
if (step < WARM + STEPS) throw new Error(`${path} has ${step} batches, and ${WARM + STEPS} are needed`)
const whole = performance.now() - started
const inside = [...spent.values()].reduce((sum, time) => sum + time, 0)
const share = (time: number): string => `${((100 * time) / whole).toFixed(1)}%`
const ops = [...spent].sort(([, a], [, b]) => b - a).filter(([, time]) => time > whole / 200)
const few = inside - ops.reduce((sum, [, time]) => sum + time, 0)
const lines = [...ops, ['all other ops', few] as const, ['outside the engine', whole - inside] as const]
console.log(
  `${(whole / STEPS).toFixed(1)} ms a step of ${Math.round(tokens / STEPS)} tokens, ${engine.threads()} threads, ${engine.instructions()}\n`,
)
console.log(
  table(
    ['op', 'ms a step', 'share'],
    lines.map(([op, time]) => [op, (time / STEPS).toFixed(2), share(time)]),
  ),
)

/** The same engine, adding up the time of each function. */
function timed(inner: Engine, into: Map<string, number>): Engine {
  const wrap = ([name, value]: [string, unknown]): [string, unknown] => {
    if (typeof value !== 'function') return [name, value]
    const call = (...args: unknown[]): unknown => {
      const start = performance.now()
      const result: unknown = value(...args)
      into.set(name, (into.get(name) ?? 0) + performance.now() - start)
      return result
    }
    return [name, call]
  }
  return Object.fromEntries(Object.entries(inner).map(wrap)) as unknown as Engine
}
