/** onnxruntime, from Node: the same works as bench/foci/serving.ts, with a graph of the same weights. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { job, report } from '../outcome.ts'
import { latencies, type Ranking, readInputs, type Serving, throughput } from '../requests.ts'
import { PEERS } from './install.ts'

interface Task extends Serving {
  readonly library: 'onnxruntime-node' | 'onnxruntime-web'
  readonly graph: string
  readonly maxLength: number
  readonly threads: number
}

/** The little that is used of onnxruntime; its types are not installed with the project. */
interface Runtime {
  readonly env: { readonly wasm: { numThreads: number; proxy: boolean } }
  readonly Tensor: new (type: 'int64', data: BigInt64Array, dims: readonly number[]) => unknown
  readonly InferenceSession: { create(graph: string | Uint8Array, options: object): Promise<Session> }
}

interface Session {
  run(inputs: Record<string, unknown>): Promise<{ readonly items: { data: BigInt64Array }; readonly scores: { data: Float32Array } }>
}

/** Users of a batch. */
const BATCH = 256

const { library, graph, maxLength, threads, inputs, many, k } = job<Task>()
const require = createRequire(resolve(PEERS, 'node/x.js'))
const ort = require(library) as Runtime
const { version } = JSON.parse(readFileSync(`${PEERS}/node/node_modules/${library}/package.json`, 'utf8')) as { version: string }
const { ids, histories } = readInputs(inputs)
const indexOf = new Map(ids.map((id, index) => [id, BigInt(index)]))
const session = await open()
const { figures, answer } = many
  ? await throughput(histories.length, everybody)
  : await latencies(histories, async (history) => (await rank([history], false))[0])
report(version, figures, answer)

function open(): Promise<Session> {
  if (library === 'onnxruntime-node') return ort.InferenceSession.create(graph, { intraOpNumThreads: threads, interOpNumThreads: 1 })
  Object.assign(ort.env.wasm, { numThreads: threads, proxy: false })
  return ort.InferenceSession.create(new Uint8Array(readFileSync(graph)), { executionProviders: ['wasm'] })
}

/** In batches of like lengths, for each is as wide as its longest history. */
async function everybody(): Promise<Ranking[]> {
  const places = Array.from(histories.keys()).sort((a, b) => histories[a].length - histories[b].length)
  const rankings: Ranking[] = new Array(histories.length)
  for (let from = 0; from < places.length; from += BATCH) {
    const chosen = places.slice(from, from + BATCH)
    const ranked = await rank(
      chosen.map((place) => histories[place]),
      true,
    )
    for (const [i, place] of chosen.entries()) rankings[place] = ranked[i]
  }
  return rankings
}

async function rank(batch: readonly (readonly string[])[], filter: boolean): Promise<Ranking[]> {
  const recent = batch.map((history) => history.slice(-maxLength))
  const last = BigInt64Array.from(recent, (history) => BigInt(history.length - 1))
  const seen = filter ? { seen: padded(batch) } : {}
  const results = await session.run({ ids: padded(recent), last: new ort.Tensor('int64', last, [batch.length]), ...seen })
  const [items, scores] = [results.items.data, results.scores.data]
  return batch.map((_, b) => ({
    items: Array.from(items.subarray(k * b, k * b + k), (item) => ids[Number(item)]),
    scores: Array.from(scores.subarray(k * b, k * b + k)),
  }))
}

/** Indices as a rectangle as wide as the longest history; behind the end of a shorter one stands its first item. */
function padded(batch: readonly (readonly string[])[]): unknown {
  const width = batch.reduce((most, history) => Math.max(most, history.length), 2)
  const data = new BigInt64Array(batch.length * width)
  for (const [b, history] of batch.entries()) {
    data.fill(indexOf.get(history[0]) ?? 0n, b * width, (b + 1) * width)
    for (const [t, id] of history.entries()) data[b * width + t] = indexOf.get(id) ?? 0n
  }
  return new ort.Tensor('int64', data, [batch.length, width])
}
