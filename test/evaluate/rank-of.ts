/**
 * The formula that ranking must agree with: 1 + #greater + #{equal and earlier in the catalogue} among the items not seen.
 * @param scores of each item, [V]
 * @returns from 1; Infinity where the target is itself among the seen
 */
export function rankOf(scores: ArrayLike<number>, target: number, seen: Iterable<number>): number {
  const hidden = new Set(seen)
  if (hidden.has(target)) return Number.POSITIVE_INFINITY
  let rank = 1
  for (let item = 0; item < scores.length; item++) {
    const before = scores[item] > scores[target] || (scores[item] === scores[target] && item < target)
    if (before && !hidden.has(item)) rank++
  }
  return rank
}
