import { distance } from 'fastest-levenshtein'

/** The word that someone who typed `word` most likely meant, or undefined where nothing is near. */
export function nearest(word: string, among: readonly string[]): string | undefined {
  const typed = word.toLowerCase()
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of among) {
    const edits = editDistance(typed, candidate.toLowerCase())
    if (edits < least) {
      least = edits
      best = candidate
    }
  }
  return least <= Math.max(2, typed.length / 3) ? best : undefined
}

/** Edits between two words; one that holds the other (`user`, `user_id`) counts as one edit. */
function editDistance(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  if (short.length >= 3 && long.includes(short)) return a === b ? 0 : 1
  return distance(a, b)
}
