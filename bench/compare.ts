/** Whether two sides computed the same thing. */

/** Best items and their scores, best first, of each query. */
export interface Top {
  readonly items: readonly (readonly (string | number)[])[]
  readonly scores: readonly (readonly number[])[]
}

/** Of the largest score, what f32 sums in another order may differ by. */
const ROUNDING = 1e-4
/** Share of the places where items whose scores are nearer than that may stand in another order. */
const SWAPPED = 0.01

/** Every side that answers against the first: the same scores at every place, and the same items but for near ties. */
export function sameTop(tops: readonly (Top | null)[], sides: readonly string[]): string[] {
  const [first, ...others] = tops
  if (!first) return [`${sides[0]} gave no answer`]
  return others.flatMap((top, i) => (top ? differences(first, top).map((what) => `${sides[0]} and ${sides[i + 1]}: ${what}`) : []))
}

function differences(a: Top, b: Top): string[] {
  const [x, y] = [a.scores.flat(), b.scores.flat()]
  if (x.length === 0 || x.length !== y.length) return [`${x.length} and ${y.length} places`]
  const largest = x.reduce((most, score) => Math.max(most, Math.abs(score)), 0)
  const wrong = x.findIndex((score, i) => !(Math.abs(score - y[i]) <= ROUNDING * largest))
  if (wrong >= 0) return [`the scores at place ${wrong} are ${x[wrong]} and ${y[wrong]}`]
  const others = b.items.flat()
  const swapped = a.items.flat().filter((item, i) => item !== others[i]).length
  return swapped > SWAPPED * x.length ? [`${swapped} of ${x.length} places hold different items`] : []
}

/** Every side's losses against the first's, within a share of them. */
export function sameLosses(losses: readonly (readonly number[])[], sides: readonly string[], share: (side: string) => number): string[] {
  const [first, ...others] = losses
  return others.flatMap((other, i) => {
    const allowed = share(sides[i + 1])
    const same =
      first.length > 0 && other.length === first.length && other.every((loss, s) => Math.abs(loss - first[s]) <= allowed * first[s])
    return same ? [] : [`the losses of ${sides[0]} and ${sides[i + 1]} are ${first.join(', ')} and ${other.join(', ')}`]
  })
}

/** Every side's numbers against the first's, within a share of the largest: that of f32, or of bf16. */
export function sameNumbers(answers: readonly (readonly number[])[], sides: readonly string[]): string[] {
  const [first, ...others] = answers
  const largest = first.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
  return others.flatMap((other, i) => {
    const allowed = (sides[i + 1].includes('bfloat16') ? 0.05 : ROUNDING) * largest
    const wrong = first.findIndex((x, place) => !(Math.abs(x - other[place]) <= allowed))
    return wrong < 0 ? [] : [`number ${wrong} of ${sides[0]} is ${first[wrong]} and of ${sides[i + 1]} ${other[wrong]}`]
  })
}
