import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { FociError } from '../errors.ts'
import { isSameFile, refuseForeign } from '../files/place.ts'
import type { Format } from './batch/run.ts'
import { checkFolder } from './paths.ts'

/** What a command is about to write. */
export interface Written {
  readonly out: string
  /** What is kept beside it until it is whole: a file, or a folder of files. */
  readonly beside: string
  /** The files that the command reads, by their part in it. */
  readonly inputs: Readonly<Record<string, string | undefined>>
  readonly what: string
  /** Whether a file is an earlier one of these. */
  readonly isOurs: (file: string) => boolean
  readonly force?: boolean
}

/**
 * Checks that a file can be written and that nothing is lost by it, before the hours of work whose result it is to hold.
 * @throws FociError FILE
 */
export function checkOutput({ out, beside, inputs, what, isOurs, force = false }: Written): void {
  checkFolder(out)
  for (const [name, input] of Object.entries(inputs)) {
    const path = input === undefined ? undefined : [out, beside].find((path) => wouldLose(path, input))
    if (path !== undefined) throw new FociError('FILE', `${path} cannot be written: it is the ${name} that is read.`, INPUTS)
  }
  // A force of the impossible is refused too: what is no file
  refuseForeign(out, what, force ? () => true : isOurs, 'Name another file, or add --force to replace it.')
}

const INPUTS = 'Name another file with --out: what a command reads it never replaces.'

/** Whether writing to a path would cost an input, which may be in a folder there. */
function wouldLose(path: string, input: string): boolean {
  const [there, ...read] = [path, input, dirname(input)].map((each) => statSync(each, { bigint: true, throwIfNoEntry: false }))
  return there !== undefined && read.some((each) => each !== undefined && isSameFile(there, each))
}

/** How lists of each format begin. */
const HEADS: Readonly<Record<Exclude<Format, 'parquet'>, RegExp>> = {
  csv: /^user,rank,item,score,interest\n/,
  jsonl: /^\{"user":"(?:[^"\\]|\\.)*","rank":\d+,"item":"/,
}

/** The columns of lists as the schema of a Parquet file has them, each name behind its length, and other fields in between. */
const COLUMNS = ['\x04user', '\x04rank', '\x04item', '\x05score', '\x08interest']
const BETWEEN = 32

/** Whether a file has the columns of lists. @throws where it cannot be read */
export function isLists(path: string, format: Format): boolean {
  const file = openSync(path, 'r')
  try {
    if (format !== 'parquet') return HEADS[format].test(textOf(file, 0, 1 << 16))
    const size = Number(statSync(path).size)
    const end = Buffer.from(textOf(file, size - 8, 8), 'latin1')
    if (end.toString('latin1', 4) !== 'PAR1') return false
    const footer = end.readUInt32LE()
    const schema = textOf(file, size - 8 - footer, Math.min(footer, 1024))
    const at = COLUMNS.map((name) => schema.indexOf(name))
    return at.every((start, i) => start >= 0 && (i === 0 || (start > at[i - 1] && start < at[i - 1] + BETWEEN)))
  } finally {
    closeSync(file)
  }
}

/** Some bytes of a file as characters of one byte each. */
function textOf(file: number, at: number, bytes: number): string {
  const buffer = Buffer.alloc(bytes)
  return buffer.toString('latin1', 0, readSync(file, buffer, 0, bytes, at))
}
