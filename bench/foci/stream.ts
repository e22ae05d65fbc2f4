/** Lists for any number of invented users through `recommendMany`, and the memory of the process as they go by. */
import { Recommender, sasrec } from 'foci'
import { writeArtefact } from '#foci/artefact/artefact.js'
import { integers } from '#foci/data/random.js'
import { loadNative } from '#foci/engine/native.js'
import { Variables } from '#foci/tensor/variables.js'
import { fociVersion, job, report } from '../outcome.ts'
import type { Stream } from '../scaling.bench.ts'
import { artefactOf } from './artefact.ts'

const [SEED, EVENTS] = [1, 5]

const { users, items, marks } = job<Stream>()
const ids = Array.from({ length: items }, (_, item) => `item-${item}`)
const engine = loadNative()
using variables = new Variables(engine, { seed: SEED })
const spec = sasrec({ maxLength: EVENTS })
spec.definition.build(spec.options, { engine, items, variables })
using recommender = await Recommender.load(await writeArtefact(artefactOf(spec, ids, variables.values())))

const MiB: number[] = []
let listed = 0
const started = performance.now()
for await (const list of recommender.recommendMany(histories(), { k: 10 })) {
  if (list.items.length !== 10) throw new Error(`user ${listed} got ${list.items.length} items`)
  if (++listed % (users / marks) === 0) MiB.push(Math.round(process.memoryUsage.rss() / 2 ** 20))
}
if (listed !== users) throw new Error(`${listed} of ${users} users got a list`)
report(fociVersion, { 'users/s': [(1000 * users) / (performance.now() - started)] }, { MiB })

/** Each is made when it is asked for. */
function* histories() {
  for (let user = 0; user < users; user++) yield { history: Array.from(integers(EVENTS, items, SEED, user), (item) => ids[item]) }
}
