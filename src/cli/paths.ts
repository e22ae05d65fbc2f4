import { accessSync, closeSync, constants, existsSync, openSync, readdirSync, readSync, type Stats, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { closest, distance } from 'fastest-levenshtein'
import { FociError } from '../errors.ts'
import { shellWord } from './escape.ts'

/**
 * Checks that a file is there, can be read and holds something, before anything heavy is loaded.
 * @param what the file's part in the command, such as `log`
 * @throws FociError FILE
 */
export function checkInput(path: string, what: string): void {
  const stats = statsOf(path)
  if (!stats) throw unreadable(path, what, 'there is no such file', didYouMean(path) ?? 'Check the path.')
  if (stats.isDirectory()) throw unreadable(path, what, 'it is a folder', inside(path))
  if (!stats.isFile()) throw unreadable(path, what, ...notAFile(path, stats)) // a pipe would be waited for, perhaps without end
  if (stats.size === 0) throw unreadable(path, what, 'it is empty', 'Was it written to the end? Check where it came from.')
  if (!may(path, constants.R_OK)) throw unreadable(path, what, 'permission is denied', 'Give yourself the right to read it.')
}

/**
 * Checks that there is a folder for a file, and that it may be written there.
 * @throws FociError FILE
 */
export function checkFolder(path: string): void {
  const folder = dirname(path)
  const stats = statsOf(folder)
  if (!stats) throw unwritable(path, `there is no folder ${folder}`, `Make it first: mkdir -p ${shellWord(folder)}`)
  if (!stats.isDirectory()) throw unwritable(path, `${folder} is a file`, 'Name a place in a folder.')
  if (statsOf(path)?.isDirectory() || /[/\\]$/.test(path))
    throw unwritable(path, 'it is a folder', 'Name the file to write, such as shop.safetensors.')
  if (!may(folder, constants.W_OK | constants.X_OK)) throw unwritable(path, 'permission is denied', 'Name a folder in which you may write.')
}

/** Checks a file as `checkInput` does, and that it is no log. @throws FociError FILE */
export function checkArtefact(path: string): void {
  checkInput(path, 'artefact')
  if (!isArtefact(path)) throw unreadable(path, 'artefact', 'it is another kind of file', 'Name a file that `foci train` wrote.')
}

/** Checks a file as `checkInput` does, and that it is no artefact. @throws FociError FILE */
export function checkLog(path: string): void {
  checkInput(path, 'log')
  if (isArtefact(path))
    throw unreadable(path, 'log', 'it is an artefact', 'Name a CSV, Parquet or JSON lines file with the columns user, item, timestamp.')
}

/** By content: a safetensors file begins with the length of its header in eight bytes, and the header is JSON. */
export function isArtefact(path: string): boolean {
  if (path.endsWith('.safetensors')) return true
  const head = Buffer.alloc(9)
  const file = openSync(path, 'r')
  try {
    readSync(file, head)
  } finally {
    closeSync(file)
  }
  return head.readUInt32LE(4) === 0 && head[8] === '{'.charCodeAt(0)
}

/** What stands there in place of a file, and the next step. */
function notAFile(path: string, stats: Stats): [reason: string, hint: string] {
  if (stats.isFIFO()) return ['it is a pipe', `Write it to a file first: cat ${shellWord(path)} > FILE`]
  return [stats.isSocket() ? 'it is a socket' : 'it is a device', 'Name a file.']
}

function unreadable(path: string, what: string, reason: string, hint: string): FociError {
  return new FociError('FILE', `the ${what} ${path} cannot be read: ${reason}`, hint)
}

function unwritable(path: string, reason: string, hint: string): FociError {
  return new FociError('FILE', `${path} cannot be written: ${reason}`, hint)
}

function statsOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false, bigint: false }) as Stats | undefined
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}

/** The neighbour with the most similar name, or the folder that is missing itself. */
function didYouMean(path: string): string | undefined {
  const folder = dirname(path)
  if (!existsSync(folder)) return `There is no folder ${folder} either.`
  const names = namesIn(folder)
  if (names.length === 0) return undefined
  const guess = closest(basename(path), names)
  if (distance(basename(path), guess) > Math.max(2, guess.length / 3)) return undefined
  return `Did you mean ${shellWord(path.slice(0, path.length - basename(path).length) + guess)}?`
}

function inside(folder: string): string {
  const files = namesIn(folder).filter((name) => /\.(csv|tsv|gz|safetensors)$/.test(name))
  return files.length > 0 ? `Name a file in it: ${files.slice(0, 5).join(', ')}${files.length > 5 ? ', …' : ''}.` : 'Name a file.'
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
