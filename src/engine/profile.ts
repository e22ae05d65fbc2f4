import type { Engine, Operations } from './engine.ts'
import { type Callable, wrapped } from './faults.ts'
import { flops } from './flops.ts'

/** Where the time went, as a table of text. */
export interface ProfileReport {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

interface Spent {
  calls: number
  ms: number
  /** f32 operations. */
  flops: number
}

/** Lines of less than this share are summed. */
const SHARE = 0.002

/**
 * Times every call of an engine from outside, on the thread that makes it, while an epoch's steps run. Off the clock a call
 * costs what it did.
 */
export class Profile {
  /** The engine to use in place of the one that is watched. */
  readonly engine: Engine
  private readonly inner: Engine
  private readonly spent = new Map<string, Spent>()
  private running = false
  private calls = 0
  private steps = 0
  private tokens = 0
  /** Milliseconds of all epochs, of preparing their batches, and of our own counting. */
  private whole = 0
  private preparing = 0
  private counting = 0

  constructor(engine: Engine) {
    this.inner = engine
    this.engine = { ...engine, ...wrapped(engine, (call, name) => this.watched(call, name)) }
  }

  /** The same batches; from the first to the end of the last one's step, the clock runs. */
  *epoch<Batch extends { readonly items: ArrayLike<number> }>(batches: Iterable<Batch>): Generator<Batch> {
    const source = batches[Symbol.iterator]()
    const started = performance.now()
    this.running = true
    try {
      for (;;) {
        const asked = performance.now()
        const { done, value } = source.next()
        this.preparing += performance.now() - asked
        if (done) return
        const before = this.calls
        yield value
        // A run that goes on skips the batches that it has had
        if (this.calls === before) continue
        this.steps++
        this.tokens += value.items.length
      }
    } finally {
      this.running = false
      this.whole += performance.now() - started
    }
  }

  /** Forgets what was timed so far. */
  clear(): void {
    this.spent.clear()
    Object.assign(this, { calls: 0, steps: 0, tokens: 0, whole: 0, preparing: 0, counting: 0 })
  }

  /** What the steps so far took; nothing where there was none. */
  report(): ProfileReport | undefined {
    const { inner, steps } = this
    if (steps === 0) return undefined
    const [whole, peak] = [this.whole - this.counting, measurePeak(inner)]
    const row = (name: string, { calls, ms, flops }: Spent): string[] => {
      const rate = flops / ms / 1e6
      const products = flops > 0 ? [rate.toFixed(1), `${((100 * rate) / peak).toFixed(0)}%`] : ['', '']
      return [name, calls > 0 ? String(calls) : '', (ms / steps).toFixed(3), `${((100 * ms) / whole).toFixed(1)}%`, ...products]
    }
    const lines = [...this.spent].sort(([, a], [, b]) => b.ms - a.ms)
    const long = lines.filter(([, { ms }]) => ms >= SHARE * whole)
    const short = sum(lines.slice(long.length).map(([, spent]) => spent))
    const all = sum(lines.map(([, spent]) => spent))
    return {
      title:
        `${steps} steps of ${Math.round(this.tokens / steps)} tokens, ${(whole / steps).toFixed(2)} ms each: ` +
        `${inner.name}, ${inner.instructions()}, threads: ${inner.threads()}, f32 peak ${peak.toFixed(0)} GFLOP/s`,
      head: ['op', 'calls', 'ms a step', 'share', 'GFLOP/s', 'of f32 peak'],
      rows: [
        ...long.map(([name, spent]) => row(name, spent)),
        ...(short.calls > 0 ? [row('all other ops', { ...short, flops: 0 })] : []),
        row('all ops', { ...all, flops: 0 }),
        row('crossing to the engine, in all ops', { calls: 0, ms: all.calls * measureCall(inner), flops: 0 }),
        row('preparing batches', { calls: 0, ms: this.preparing, flops: 0 }),
        row('other JavaScript', { calls: 0, ms: whole - all.ms - this.preparing, flops: 0 }),
      ],
    }
  }

  private watched(call: Callable, name: string): Callable {
    const count = flops[name as keyof Operations]
    return (...args) => {
      if (!this.running) return call(...args)
      const started = performance.now()
      const result = call(...args)
      const ended = performance.now()
      const spent = this.spent.get(name) ?? { calls: 0, ms: 0, flops: 0 }
      this.calls++
      spent.calls++
      spent.ms += ended - started
      spent.flops += count?.(args as number[], (i) => Array.from(this.inner.shape(args[i] as number)), this.inner) ?? 0
      this.spent.set(name, spent)
      this.counting += performance.now() - ended
      return result
    }
  }
}

function sum(parts: readonly Spent[]): Spent {
  const total = { calls: 0, ms: 0, flops: 0 }
  for (const { calls, ms, flops } of parts) {
    total.calls += calls
    total.ms += ms
    total.flops += flops
  }
  return total
}

/** GFLOP/s of multiply-adds in registers, the best of a few tenths of a second. */
function measurePeak(engine: Engine): number {
  let [best, rounds] = [0, 100_000]
  for (const until = performance.now() + 200; performance.now() < until; ) {
    const started = performance.now()
    const operations = engine.multiplyAdds(rounds)
    const ms = performance.now() - started
    best = Math.max(best, operations / ms / 1e6)
    if (ms < 10) rounds *= 2
  }
  return best
}

/** Milliseconds of a call that does nothing. */
function measureCall(engine: Engine): number {
  const calls = 10_000
  const started = performance.now()
  for (let i = 0; i < calls; i++) engine.release(0)
  return (performance.now() - started) / calls
}
