import { parentPort, workerData } from 'node:worker_threads'
import type { Engine } from '../engine/engine.ts'
import { type Failure, toFailure } from '../errors.ts'
import { buildModel, type Weights } from './build.ts'
import { type Ranked, type RankRequest, rankItems } from './ranking.ts'

/** What a thread ranks with. */
export interface Order {
  /** The thread that asks has the same, so that both give the same bits. */
  readonly engine: 'native' | 'wasm'
  readonly quantized: boolean
  /** Without the weights that the process holds. */
  readonly weights: Weights
}

export type Reply = { readonly ranked: Ranked } | { readonly failure: Failure }

if (parentPort) await work(workerData as Order)

/** Answers each request in its turn; an undefined one is the last. */
async function work(order: Order): Promise<void> {
  const rank = await ranker(order)
  parentPort?.on('message', (request: RankRequest | undefined) => {
    if (request) parentPort?.postMessage(rank(request))
    else parentPort?.close()
  })
}

async function ranker({ engine: name, weights, quantized }: Order): Promise<(request: RankRequest) => Reply> {
  try {
    const engine = await load(name)
    engine.workAlone() // there is a thread of these for each core
    const built = buildModel(engine, weights, { quantized })
    return (request) => {
      try {
        return { ranked: rankItems(engine, built, request) }
      } catch (error) {
        return { failure: toFailure(error) }
      }
    }
  } catch (error) {
    const failure = toFailure(error)
    return () => ({ failure })
  }
}

async function load(name: Order['engine']): Promise<Engine> {
  if (name === 'wasm') return (await import('../engine/wasm.ts')).loadWasm()
  return (await import('../engine/native.ts')).loadNative()
}
