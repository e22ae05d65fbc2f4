import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { sharedFloats, sharedInts } from '../data/shared.ts'
import type { Engine } from '../engine/engine.ts'
import { FociError, fromFailure } from '../errors.ts'
import type { Values } from '../tensor/kinds.ts'
import type { Variables } from '../tensor/variables.ts'
import type { Weights } from './build.ts'
import type { Ranked, RankRequest } from './ranking.ts'
import type { Order, Reply } from './ranking-worker.ts'

/** Threads that rank for many users; they keep the process alive only while they have something to do. */
export class Crew {
  private readonly members: readonly Member[]

  /**
   * @param engine the one of this thread: native or WebAssembly
   * @param variables those of the model on it, whose values native threads share
   * @param quantized whether codes are read in the place of the item table
   */
  constructor(engine: Engine, weights: Weights, variables: Variables, quantized: boolean) {
    const { parts, hash, users } = weights
    const { ids, ...described } = weights.catalogue
    const held = engine.name === 'native' ? variables.all.map(({ name }) => name) : []
    const tensors = Object.entries(weights.tensors).filter(([name]) => !held.includes(name))
    const order: Order = {
      engine: engine.name === 'native' ? 'native' : 'wasm',
      quantized,
      weights: {
        parts,
        hash,
        tensors: Object.fromEntries(tensors.map(([name, values]) => [name, shared(values)])),
        catalogue: { ...described, ids: { length: ids.length } },
        ...(users && { users: { columns: users.columns, ids: { length: users.ids.length } } }),
      },
    }
    // A pool in WebAssembly is its calling thread, and knows neither the machine nor FOCI_THREADS
    const threads = engine.name === 'native' ? engine.threads() : Number(process.env.FOCI_THREADS) || availableParallelism()
    this.members = Array.from({ length: threads }, () => new Member(order))
  }

  get size(): number {
    return this.members.length
  }

  /** Whether somebody ranks what was asked. */
  get isBusy(): boolean {
    return this.members.some(({ load }) => load > 0)
  }

  /** By the member that has least to do. */
  rank(request: RankRequest): Promise<Ranked> {
    return this.members.reduce((a, b) => (b.load < a.load ? b : a)).rank(request)
  }

  /** Lets everybody go once they have done what they have; nobody waits for that, and who does gets the reason. */
  dismiss(reason: FociError): void {
    for (const member of this.members) member.dismiss(reason)
  }
}

/** A copy that all threads read. */
function shared({ shape, data }: Values): Values {
  const copy = data instanceof Float32Array ? sharedFloats(data.length) : sharedInts(data.length)
  copy.set(data)
  return { shape, data: copy }
}

/** A request without the unused rest of its arrays' memory, which messages would hold. */
function copyOf({ columns, seen, ...others }: RankRequest): RankRequest {
  return { ...others, columns: compact(columns), seen: compact(seen) }
}

const compact = <T extends object>(lists: T): T =>
  Object.fromEntries(Object.entries(lists).map(([name, list]: [string, Int32Array | undefined]) => [name, list?.slice()])) as T

interface Waiting {
  resolve(ranked: Ranked): void
  reject(error: Error): void
}

class Member {
  private readonly worker: Worker
  /** In the order of the requests, which is that of the replies. */
  private readonly waiting: Waiting[] = []
  private lost: Error | undefined

  constructor(order: Order) {
    this.worker = new Worker(new URL('../recommend/ranking-worker.js', import.meta.url), { workerData: order })
    this.worker.on('message', (reply: Reply) => this.take(reply))
    this.worker.on('error', (error: NodeJS.ErrnoException) =>
      this.lose(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? outOfMemory(error) : error),
    )
    this.worker.on('exit', (code) => this.lose(ended(code)))
    this.worker.unref()
  }

  get load(): number {
    return this.waiting.length
  }

  rank(request: RankRequest): Promise<Ranked> {
    return new Promise((resolve, reject) => {
      if (this.lost) return reject(this.lost)
      this.worker.postMessage(copyOf(request))
      this.waiting.push({ resolve, reject })
      this.worker.ref()
    })
  }

  dismiss(reason: FociError): void {
    this.lose(reason)
    this.worker.postMessage(undefined)
  }

  private take(reply: Reply): void {
    const waiting = this.waiting.shift()
    if (this.waiting.length === 0) this.worker.unref()
    if ('ranked' in reply) waiting?.resolve(reply.ranked)
    else waiting?.reject(fromFailure(reply.failure))
  }

  private lose(error: Error): void {
    this.lost ??= error
    for (const { reject } of this.waiting.splice(0)) reject(this.lost)
    this.worker.unref()
  }
}

const outOfMemory = (cause: Error): FociError =>
  new FociError('MEMORY', 'A ranking thread ran out of memory.', 'Give Node more with --max-old-space-size.', { cause })

const ended = (code: number): FociError =>
  new FociError('ENGINE_LOST', `A ranking thread ended with code ${code}.`, 'Ask again: the next call starts new threads.')
