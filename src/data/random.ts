/**
 * Random numbers from a counter: the value depends on (seed, draw, index) alone, so a step can be repeated, split among
 * threads or resumed with the same numbers. The kernels compute the same bits (crates/kernels/src/random.rs). All
 * arguments are taken as u32.
 */

/** Keys the random masks, negatives and choices of one training step. All are u32. */
export interface Draw {
  readonly seed: number
  /** Steps before it. */
  readonly step: number
  /** Epochs before it. */
  readonly epoch: number
}

const GOLDEN = 0x9e3779b9

/** A bijection of u32 that spreads each input bit over all output bits (Wellons' lowbias32). */
export function mix(x: number): number {
  x ^= x >>> 16
  x = Math.imul(x, 0x7feb352d)
  x ^= x >>> 15
  x = Math.imul(x, 0x846ca68b)
  x ^= x >>> 16
  return x >>> 0
}

/** 32 random bits, as a u32. */
export function bits(seed: number, draw: number, index: number): number {
  const k0 = mix(seed + GOLDEN)
  const k1 = mix(draw ^ k0)
  return mix(mix(index ^ k0) + k1)
}

/** Uniform in [0, 1), in steps of 2⁻³². */
export function uniform(seed: number, draw: number, index: number): number {
  return bits(seed, draw, index) / 2 ** 32
}

/** Standard normal by Box–Muller, from the bits of 2 · index and 2 · index + 1; `index` below 2³¹. */
export function normal(seed: number, draw: number, index: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, draw, 2 * index))) // 1 − u is in (0, 1], so the logarithm is finite
  return radius * Math.cos(2 * Math.PI * uniform(seed, draw, 2 * index + 1))
}

/** `count` integers in [0, bound), drawn with replacement; the chance of each is 1 / bound within 2⁻³². */
export function integers(count: number, bound: number, seed: number, draw: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => Math.floor(uniform(seed, draw, i) * bound))
}

/** A seed of its own for each name, such as a parameter's: a u32 hash of the seed and the name's UTF-8 bytes. */
export function seedOf(seed: number, name: string): number {
  return new TextEncoder().encode(name).reduce((hash, byte) => mix(hash ^ byte), mix(seed + GOLDEN))
}

/** The numbers 0 … n − 1 in an order that depends on (n, seed, draw) alone: Fisher and Yates, from the end. */
export function permutation(n: number, seed: number, draw: number): Int32Array {
  const order = new Int32Array(n)
  for (let i = 0; i < n; i++) order[i] = i
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform(seed, draw, i) * (i + 1))
    const other = order[j]
    order[j] = order[i]
    order[i] = other
  }
  return order
}
