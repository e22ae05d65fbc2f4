/** Text for people: tables, numbers, shell words. */

/** 12345 → 12,345, of a whole number; `Intl` would take 10 ms to load. */
export function count(n: number): string {
  return `${n}`.replace(/\B(?=(\d{3})+$)/g, ',')
}

/** `1 user`, `2 users` */
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`
}

export function bytes(n: number): string {
  if (n < 1000) return `${n} B`
  return n < 1e6 ? `${(n / 1e3).toFixed(1)} kB` : `${(n / 1e6).toFixed(1)} MB`
}

/** `0.1750`, with as many places as reports of rankings have. */
export function metric(value: number): string {
  return value.toFixed(4)
}

/** `0.1750 (0.1702–0.1790)` */
export function interval({ mean, low, high }: { readonly mean: number; readonly low: number; readonly high: number }): string {
  return `${metric(mean)} (${metric(low)}–${metric(high)})`
}

/** 0.370 → 37.0% */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`
}

export function seconds(value: number): string {
  if (value < 59.95) return `${value.toFixed(1)} s`
  const whole = Math.round(value)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** One line. Ids and titles are whatever a log holds: control characters must not reach a terminal. */
export function printable(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ').replace(/\p{Cc}/gu, '\u{fffd}')
}

/**
 * Lines of columns, two spaces between; columns of numbers (from the name of the column or all its cells) stand right.
 * @param rows the first is the heading
 */
export function table(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths = cells[0].map((_, c) => Math.max(...cells.map((row) => length(row[c]))))
  const numeric = cells[0].map((_, c) => cells.slice(1).every((row) => /^[-+]?[\d.,]*$/.test(row[c])))
  return cells.map((row) =>
    row
      .map((cell, c) => pad(cell, widths[c], numeric[c]))
      .join('  ')
      .trimEnd(),
  )
}

function pad(cell: string, width: number, right: boolean): string {
  const space = ' '.repeat(width - length(cell))
  return right ? space + cell : cell + space
}

/** Code points, not UTF-16 units. */
function length(text: string): number {
  return [...text].length
}

/** A word of a command as a POSIX shell takes it, quoted only where needed. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
