/** Scrambles 32 bits; one to one. */
function mix(x: number): number {
  let y = x ^ (x >>> 16)
  y = Math.imul(y, 0x7feb352d)
  y ^= y >>> 15
  y = Math.imul(y, 0x846ca68b)
  return (y ^ (y >>> 16)) >>> 0
}

/** Random bits that depend on three u32 alone: the counter-based generator of the kernels. */
export function bits(seed: number, draw: number, index: number): number {
  const k0 = mix((seed + 0x9e3779b9) >>> 0)
  const k1 = mix((draw ^ k0) >>> 0)
  return mix((mix((index ^ k0) >>> 0) + k1) >>> 0)
}

/** The numbers 0 … n − 1 in an order that depends on (n, seed, draw) alone: Fisher and Yates, from the end. */
export function permutation(n: number, seed: number, draw: number): Int32Array {
  const order = new Int32Array(n)
  for (let i = 0; i < n; i++) order[i] = i
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor((bits(seed, draw, i) / 2 ** 32) * (i + 1))
    const other = order[j]
    order[j] = order[i]
    order[i] = other
  }
  return order
}
