/** Bytes that a 32-bit number takes at most. */
export const SCORE_BYTES = 32

const POWERS = Array.from({ length: 13 }, (_, n) => 10 ** n)
const [ZERO, POINT, MINUS] = Buffer.from('0.-')

/**
 * Writes the shortest decimal that is this 32-bit number and no other: 7.225 and not 7.224999904632568, as JavaScript writes
 * numbers. Gives where the next byte goes.
 */
export function putFloat32(x: number, to: Buffer, at: number): number {
  const size = Math.abs(x)
  // Others, and those with an exponent, are rare
  if (!(size >= 1e-6 && size < 1e7)) return at + to.write(float32Text(x), at)
  let digits = digitsOf(size)
  let whole = Math.round(size * POWERS[digits])
  while (Math.fround(whole / POWERS[digits]) !== size) {
    if (++digits === POWERS.length) return at + to.write(`${x}`, at)
    whole = Math.round(size * POWERS[digits])
  }
  // Ten digits and more are none that a 32-bit number needs
  return whole < 1e9 ? putDecimal(x < 0, whole | 0, digits, to, at) : at + to.write(float32Text(x), at)
}

/** Writes whole / 10^digits, from its end; of whole numbers below 2^31 the processor divides quickly. */
function putDecimal(negative: boolean, whole: number, digits: number, to: Buffer, at: number): number {
  let rest = whole
  let places = digits
  for (; places > 0 && rest % 10 === 0; places--) rest = (rest / 10) | 0
  if (negative) to[at++] = MINUS
  let length = places + 1
  while (POWERS[length] <= rest) length++
  const end = at + length + (places > 0 ? 1 : 0)
  for (let i = end - 1; i >= at; i--) {
    if (places-- === 0 && i < end - 1) {
      to[i] = POINT
      continue
    }
    const tenth = (rest / 10) | 0
    to[i] = ZERO + rest - 10 * tenth
    rest = tenth
  }
  return end
}

/** Digits behind the point with which a number has seven in all: enough for most, as nine are for all. */
function digitsOf(size: number): number {
  let digits = 7
  for (let power = 1; size >= power && digits > 0; power *= 10) digits--
  for (let power = 0.1; size < power && digits < 12; power /= 10) digits++
  return digits
}

/** A number of any size. */
function float32Text(x: number): string {
  for (let digits = digitsOf(Math.abs(x)); digits < POWERS.length; digits++) {
    // A quotient of two exact numbers is what a reader makes of its text
    const short = Math.round(x * POWERS[digits]) / POWERS[digits]
    if (Math.fround(short) === x) return `${short}`
  }
  return `${x}`
}
