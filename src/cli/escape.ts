/**
 * Ids, titles and file names are whatever someone wrote. What controls a terminal, turns the order of what follows, or cannot be
 * seen is shown as the escape that JavaScript has for it. A backslash stays one, for paths have them: `--json` tells the two apart.
 */

// Joiners shape the words of some scripts and put emoji together; elsewhere, as in Latin, they only make two texts look the same.
const joined = String.raw`(?<=\p{Extended_Pictographic}\u{fe0f}?|\p{Emoji_Modifier}|(?!\p{DI})\p{M}|(?![\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}\p{DI}])\p{Lo})[\u{200c}\u{200d}]`
// One selector behind a sign chooses its form; a row of them hides a message.
const selected = String.raw`(?<=[\p{Emoji}\p{S}\p{sc=Han}])[\u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}]|(?<=\p{sc=Mongolian})[\u{180b}-\u{180d}\u{180f}]`
// Signs of Arabic, Syriac and Kaithi that are drawn, though Unicode counts them among the format characters.
const drawn = String.raw`[\u{600}-\u{605}\u{6dd}\u{70f}\u{890}\u{891}\u{8e2}\u{110bd}\u{110cd}]`
const HIDDEN = new RegExp(String.raw`(?!${joined}|${selected}|${drawn})[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{DI}]`, 'gu')

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** One line for people, in which everything can be seen. */
export function printable(text: string): string {
  return text.replace(HIDDEN, (char) => SHORT[char] ?? (char.length === 1 ? unit(char) : `\\u{${char.codePointAt(0)?.toString(16)}}`))
}

/** A JSON document that reads as the same values and in which everything can be seen. */
export function json(value: unknown): string {
  // JSON leaves no line break in a string: those that are there are between values
  return JSON.stringify(value, null, 2).replace(HIDDEN, (char) => (char === '\n' ? char : char.split('').map(unit).join('')))
}

function unit(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** A word of a command as a POSIX shell takes it, quoted only where needed; what cannot be seen is in the bytes of `$'…'`. */
export function shellWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word
  if (printable(word) === word) return `'${word.replaceAll("'", `'\\''`)}'`
  return `$'${word.replace(/['\\]/g, '\\$&').replace(HIDDEN, (char) => SHORT[char] ?? octal(char))}'`
}

/** `\342\200\256`: shells agree on bytes, and not on `\u`. */
function octal(char: string): string {
  return [...Buffer.from(char)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')
}
