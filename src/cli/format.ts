/** Text for people: tables, numbers. */
import { printable } from './escape.ts'

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

/**
 * Lines of columns, two spaces between; columns of numbers (from the name of the column or all its cells) stand right.
 * @param rows the first is the heading
 */
export function table(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(printable))
  const widths = cells[0].map((_, c) => Math.max(...cells.map((row) => columns(row[c]))))
  const numeric = cells[0].map((_, c) => cells.slice(1).every((row) => /^[-+]?[\d.,]*$/.test(row[c])))
  return cells.map((row) =>
    row
      .map((cell, c) => pad(cell, widths[c], numeric[c]))
      .join('  ')
      .trimEnd(),
  )
}

function pad(cell: string, width: number, right: boolean): string {
  const space = ' '.repeat(width - columns(cell))
  return right ? space + cell : cell + space
}

// East Asian wide and fullwidth characters of Unicode, and what is drawn as a picture unless something says otherwise
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u33bf\u33c0-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|(?![\u{1f1e6}-\u{1f1ff}])\p{Emoji_Presentation}/u
/** Marks above and below others, and what is drawn with the sign before it. */
const WITHIN = /\u200d\p{Extended_Pictographic}|[\p{Mn}\p{Me}\p{DI}\u1160-\u11ff]|(?<=\p{Emoji_Modifier_Base}\ufe0f?)\p{Emoji_Modifier}/gu

/** Columns of a terminal that a printable text takes. */
export function columns(text: string): number {
  let sum = 0
  for (const char of text.replace(WITHIN, '')) sum += WIDE.test(char) ? 2 : 1
  return sum
}
