/** onnxruntime, from Node or in WebAssembly, with a graph that bench/peers/export.py wrote. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import type { Ranking } from '../requests.ts'
import { PEERS } from './install.ts'

export interface GraphOptions {
  readonly library: 'onnxruntime-node' | 'onnxruntime-web'
  readonly graph: string
  /** Events that the model reads. */
  readonly maxLength: number
  readonly threads: number
  /** Items of an answer. */
  readonly k: number
}

export type History = readonly string[]

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

/** The library, and which version of it. */
export function openRuntime(library: GraphOptions['library']): { readonly runtime: Runtime; readonly version: string } {
  const folder = resolve(PEERS, 'node')
  const runtime = createRequire(`${folder}/x.js`)(library) as Runtime
  const { version } = JSON.parse(readFileSync(`${folder}/node_modules/${library}/package.json`, 'utf8')) as { version: string }
  return { runtime, version }
}

export class Graph {
  readonly version: string
  private readonly runtime: Runtime
  private readonly session: Session
  private readonly options: GraphOptions
  private readonly ids: readonly string[]
  private readonly indexOf: ReadonlyMap<string, bigint>

  private constructor(runtime: Runtime, session: Session, version: string, options: GraphOptions, ids: readonly string[]) {
    this.runtime = runtime
    this.session = session
    this.version = version
    this.options = options
    this.ids = ids
    this.indexOf = new Map(ids.map((id, index) => [id, BigInt(index)]))
  }

  /** @param ids of the items, by index */
  static async open(options: GraphOptions, ids: readonly string[]): Promise<Graph> {
    const { library, graph, threads } = options
    const { runtime, version } = openRuntime(library)
    Object.assign(runtime.env.wasm, { numThreads: threads, proxy: false })
    const [source, settings] =
      library === 'onnxruntime-node'
        ? [graph, { intraOpNumThreads: threads, interOpNumThreads: 1 }]
        : [new Uint8Array(readFileSync(graph)), { executionProviders: ['wasm'] }]
    return new Graph(runtime, await runtime.InferenceSession.create(source, settings), version, options, ids)
  }

  /** One user, whose seen items stay in. */
  async one(history: History): Promise<Ranking> {
    return (await this.rank([history], {}))[0]
  }

  /** All users, without what each has seen: in batches of like lengths, for each is as wide as its longest history. */
  async everybody(histories: readonly History[]): Promise<Ranking[]> {
    const places = Array.from(histories.keys()).sort((a, b) => histories[a].length - histories[b].length)
    const rankings: Ranking[] = new Array(histories.length)
    for (let from = 0; from < places.length; from += BATCH) {
      const chosen = places.slice(from, from + BATCH)
      const batch = chosen.map((place) => histories[place])
      const ranked = await this.rank(batch, { seen: this.padded(batch) })
      for (const [i, place] of chosen.entries()) rankings[place] = ranked[i]
    }
    return rankings
  }

  private async rank(batch: readonly History[], more: Record<string, unknown>): Promise<Ranking[]> {
    const { maxLength, k } = this.options
    const recent = batch.map((history) => history.slice(-maxLength))
    const ends = BigInt64Array.from(recent, (history) => BigInt(history.length - 1))
    const last = new this.runtime.Tensor('int64', ends, [batch.length])
    const results = await this.session.run({ ids: this.padded(recent), last, ...more })
    const [items, scores] = [results.items.data, results.scores.data]
    return batch.map((_, b) => ({
      items: Array.from(items.subarray(k * b, k * b + k), (item) => this.ids[Number(item)]),
      scores: Array.from(scores.subarray(k * b, k * b + k)),
    }))
  }

  /** Indices as a rectangle as wide as the longest history; behind the end of a shorter one stands its first item. */
  private padded(batch: readonly History[]): unknown {
    const width = batch.reduce((most, history) => Math.max(most, history.length), 2)
    const data = new BigInt64Array(batch.length * width)
    const index = (id: string): bigint => this.indexOf.get(id) ?? 0n
    for (const [b, history] of batch.entries()) {
      data.fill(index(history[0]), b * width, (b + 1) * width)
      for (const [t, id] of history.entries()) data[b * width + t] = index(id)
    }
    return new this.runtime.Tensor('int64', data, [batch.length, width])
  }
}
