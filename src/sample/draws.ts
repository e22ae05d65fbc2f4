import { bits, permutation } from '../data/random.ts'

/** A stream of numbers that depends on (seed, stream) alone. */
export class Random {
  private readonly seed: number
  private readonly stream: number
  private drawn = 0

  constructor(seed: number, stream: number) {
    this.seed = seed
    this.stream = stream
  }

  /** In [0, 1). */
  next(): number {
    return bits(this.seed, this.stream, this.drawn++) / 2 ** 32
  }

  /** A whole number in [from, to]. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(among: readonly T[]): T {
    return among[Math.floor(this.next() * among.length)]
  }

  /** An index, drawn in proportion to the weights. */
  weighted(weights: readonly number[]): number {
    let left = this.next() * weights.reduce((sum, weight) => sum + weight, 0)
    const found = weights.findIndex((weight) => {
      left -= weight
      return left < 0
    })
    return found < 0 ? weights.length - 1 : found
  }

  shuffled<T>(values: readonly T[]): T[] {
    return Array.from(permutation(values.length, this.seed, bits(this.seed, this.stream, this.drawn++)), (i) => values[i])
  }
}
