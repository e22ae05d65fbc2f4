/** The word that someone who typed `word` most likely meant, or undefined where nothing is near. */
export function nearest(word: string, among: readonly string[]): string | undefined {
  const typed = word.toLowerCase()
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of among) {
    const distance = unlikeness(typed, candidate.toLowerCase())
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return least <= Math.max(2, typed.length / 3) ? best : undefined
}

/** Edits between two words; one that holds the other (`user`, `user_id`) counts as one edit. */
function unlikeness(a: string, b: string): number {
  const [short, long] = a.length < b.length ? [a, b] : [b, a]
  if (short.length >= 3 && long.includes(short)) return a === b ? 0 : 1
  return edits(a, b)
}

function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1))
    }
    row = next
  }
  return row[b.length]
}
