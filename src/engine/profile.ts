import type { Engine, Id, Operations } from './engine.ts'
import { type Callable, wrapped } from './faults.ts'
import { flops, traffic } from './flops.ts'

/** Where the time went, as a table of text. */
export interface ProfileReport {
  readonly title: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

interface Spent {
  calls: number
  ms: number
  /** f32 operations of a product. */
  flops: number
  /** What all others move. */
  bytes: number
}

/** What the machine gives at best: f32 operations and bytes in a millisecond. */
interface Peaks {
  readonly flops: number
  readonly bytes: number
}

/** A kernel uses the machine well from this share of its kind's peak. */
const WELL = 0.6

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
  *epoch<Batch extends { readonly history: ArrayLike<number> }>(batches: Iterable<Batch>): Generator<Batch> {
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
        this.tokens += value.history.length
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
    const [whole, peaks] = [this.whole - this.counting, { flops: measureFlops(inner), bytes: measureBytes(inner) }]
    const share = (ms: number): string => `${((100 * ms) / whole).toFixed(1)}%`
    const row = (name: string, { calls, ms, ...work }: Spent): string[] => [
      name,
      calls > 0 ? String(calls) : '',
      (ms / steps).toFixed(3),
      share(ms),
      work.flops > 0 ? (work.flops / ms / 1e6).toFixed(1) : '',
      work.bytes > 0 ? (work.bytes / ms / 1e6).toFixed(1) : '',
      work.flops + work.bytes > 0 ? `${(100 * ofPeak({ ms, ...work }, peaks)).toFixed(0)}%` : '',
    ]
    const time = (name: string, ms: number): string[] => row(name, { calls: 0, ms, flops: 0, bytes: 0 })
    const lines = [...this.spent].sort(([, a], [, b]) => b.ms - a.ms)
    const long = lines.filter(([, { ms }]) => ms >= SHARE * whole)
    const short = sum(lines.slice(long.length).map(([, spent]) => spent))
    const all = sum(lines.map(([, spent]) => spent))
    const well = lines.map(([, spent]) => spent).filter((spent) => ofPeak(spent, peaks) >= WELL)
    return {
      title:
        `${steps} steps of ${Math.round(this.tokens / steps)} tokens, ${(whole / steps).toFixed(2)} ms each: ` +
        `${inner.name}, ${inner.instructions()}, threads: ${inner.threads()}; ` +
        `peaks: ${(peaks.flops / 1e6).toFixed(0)} GFLOP/s in f32, ${(peaks.bytes / 1e6).toFixed(0)} GB/s read from memory`,
      head: ['op', 'calls', 'ms a step', 'share', 'GFLOP/s', 'GB/s', 'of peak'],
      rows: [
        ...long.map(([name, spent]) => row(name, spent)),
        ...(short.calls > 0 ? [row('all other ops', { ...short, flops: 0, bytes: 0 })] : []),
        row('all ops', { ...all, flops: 0, bytes: 0 }),
        time('crossing to the engine, in all ops', all.calls * measureCall(inner)),
        time('preparing batches', this.preparing),
        time('other JavaScript', whole - all.ms - this.preparing),
        time(`ops at ${100 * WELL}% or more of the peak for their kind`, sum(well).ms),
      ],
    }
  }

  private watched(call: Callable, name: string): Callable {
    const count = flops[name as keyof Operations]
    const shape = (id: unknown): number[] => Array.from(this.inner.shape(id as Id))
    return (...args) => {
      if (!this.running) return call(...args)
      const started = performance.now()
      const result = call(...args)
      const ended = performance.now()
      const spent = this.spent.get(name) ?? { calls: 0, ms: 0, flops: 0, bytes: 0 }
      this.calls++
      spent.calls++
      spent.ms += ended - started
      spent.flops += count?.(args as number[], (i) => shape(args[i]), this.inner) ?? 0
      spent.bytes += traffic(name, args, result, shape)
      this.spent.set(name, spent)
      this.counting += performance.now() - ended
      return result
    }
  }
}

function sum(parts: readonly Spent[]): Spent {
  const total = { calls: 0, ms: 0, flops: 0, bytes: 0 }
  for (const { calls, ms, flops, bytes } of parts) {
    total.calls += calls
    total.ms += ms
    total.flops += flops
    total.bytes += bytes
  }
  return total
}

const ofPeak = ({ ms, flops, bytes }: Omit<Spent, 'calls'>, peaks: Peaks): number => Math.max(flops / peaks.flops, bytes / peaks.bytes) / ms

/** Multiply-adds in registers in a millisecond, the best of a few tenths of a second. */
function measureFlops(engine: Engine): number {
  let [best, rounds] = [0, 100_000]
  for (const until = performance.now() + 200; performance.now() < until; ) {
    const started = performance.now()
    const operations = engine.multiplyAdds(rounds)
    const ms = performance.now() - started
    best = Math.max(best, operations / ms)
    if (ms < 10) rounds *= 2
  }
  return best
}

/** Numbers that no cache holds. */
const FAR = 2 ** 24

/** Bytes that all threads read from memory in a millisecond, the best of a few tenths of a second. */
function measureBytes(engine: Engine): number {
  const far = engine.variable(Uint32Array.of(FAR))
  engine.write(far, new Float32Array(FAR).fill(1)) // pages that nobody wrote share one page of zeros
  let best = 0
  for (const until = performance.now() + 200; performance.now() < until; ) {
    const started = performance.now()
    engine.finite(far)
    best = Math.max(best, (4 * FAR) / (performance.now() - started))
  }
  engine.release(far)
  return best
}

/** Milliseconds of a call that does nothing. */
function measureCall(engine: Engine): number {
  const calls = 10_000
  const started = performance.now()
  for (let i = 0; i < calls; i++) engine.release(0)
  return (performance.now() - started) / calls
}
