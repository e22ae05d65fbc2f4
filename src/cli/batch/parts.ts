import { type FileHandle, mkdir, open, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FociError } from '../../errors.ts'
import { codeOf, fileError } from '../../files/file-error.ts'
import { placeOf } from '../../files/place.ts'
import { modeFor, moveFile, replaceFile } from '../../files/replace-file.ts'
import { type Hash, newHash } from '../../read/log-hash.ts'
import { shellWord } from '../escape.ts'

/** What a run is of. Parts of runs that differ in any of it do not fit together. */
export interface Run {
  /** Hash of the artefact. */
  readonly artefact: string
  /** Hash of the log. */
  readonly log: string
  readonly k: number
  /** Of the parts: CSV for a Parquet file too. */
  readonly format: 'csv' | 'jsonl'
}

/** How far a run is. */
interface Done {
  /** Users whose rows are there: the first ones of the log. */
  readonly users: number
  readonly rows: number
  /** Bytes of the file up to there. */
  readonly bytes: number
}

const NOTHING: Done = { users: 0, rows: 0, bytes: 0 }

/** Rows of a part: what a kill can cost. */
const PART_ROWS = 1 << 17

/** Bytes that are read together where a run goes on. */
const CHUNK = 1 << 20

const MANIFEST = 'run.json'
/** All that a run writes into the folder, and what it leaves there when it is killed. */
const OURS = /^\.?(rows\.(csv|jsonl)|run\.json)(\..+\.partial)?$/

/** The file for rows, how much of it counts, and the hash of that much. */
interface Opened {
  readonly file: FileHandle
  readonly kept: Done
  readonly hash: Hash
  /** Whether an earlier run's rows were not those of its manifest, and are gone. */
  readonly spoilt: boolean
}

/**
 * The rows that were written so far, in a folder beside the output: one file that grows, and a manifest that says how much of it
 * counts, with a checksum. What stands behind that was being written when a run was killed, and is cut off by the next. Who writes
 * here holds the lock of the output.
 */
export class Parts {
  readonly folder: string
  /** All rows so far, behind the heading. */
  readonly path: string
  private readonly run: Run
  /** It is awaited when rows are added: until then a failure is not told. */
  private readonly opening: Promise<Opened>
  private kept: Done
  private written: Done

  private constructor(folder: string, run: Run, opening: Promise<Opened>, kept: Done, heading: Buffer) {
    this.folder = folder
    this.path = rowsOf(folder, run)
    this.run = run
    this.opening = opening
    this.kept = kept
    this.written = kept.bytes > 0 ? kept : { ...NOTHING, bytes: heading.length }
  }

  /**
   * Goes on with the rows that an earlier run left, or begins: then the folder is still being made.
   * @param onSpoilt is called where an earlier run's rows do not have their checksum: they are left out, and it begins anew
   * @throws FociError RESUME where they are of another run; FILE
   */
  static async open(out: string, run: Run, heading: string, onSpoilt: (folder: string) => void): Promise<Parts> {
    const folder = `${out}.parts`
    const head = Buffer.from(heading)
    const before = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined)
    if (before !== undefined) checkSame(folder, before, run)
    const opening = opened(folder, run, before, head, modeFor(placeOf(out)))
    opening.catch(() => undefined)
    const { kept, spoilt } = before === undefined ? { kept: NOTHING, spoilt: false } : await opening
    if (spoilt) onSpoilt(folder)
    return new Parts(folder, run, opening, kept, head)
  }

  /** Users whose rows a kill leaves. */
  get users(): number {
    return this.kept.users
  }

  get rows(): number {
    return this.written.rows
  }

  /** Adds the rows of all users before one; whole parts are kept, whatever happens then. @throws FociError FILE */
  async add(users: number, rows: number, text: Uint8Array): Promise<void> {
    const { file, hash } = await this.opening
    try {
      const writing = file.writeFile(text)
      hash.update(text) // meanwhile
      await writing
      this.written = { users, rows: this.rows + rows, bytes: this.written.bytes + text.length }
      if (this.rows - this.kept.rows < PART_ROWS) return
      await file.datasync()
    } catch (cause) {
      throw fileError(this.path, 'written', cause)
    }
    await replaceFile(join(this.folder, MANIFEST), manifestOf(this.run, this.written, hash), true)
    this.kept = this.written
  }

  /** Makes the rows the output. @throws FociError FILE */
  async moveTo(out: string): Promise<void> {
    await this.close()
    await moveFile(this.path, out, true)
  }

  async close(): Promise<void> {
    const opened = await this.opening.catch(() => undefined)
    await opened?.file.close()
  }

  /** Removes what is left, and the folder where nothing else is in it. */
  async remove(): Promise<void> {
    await rm(join(this.folder, MANIFEST), { force: true }) // first: rows without it are nobody's
    await clear(this.folder)
    await rmdir(this.folder).catch(() => undefined)
  }
}

async function opened(folder: string, run: Run, before: string | undefined, heading: Buffer, mode: number): Promise<Opened> {
  try {
    await mkdir(folder).catch((cause) => {
      if (codeOf(cause) !== 'EEXIST') throw cause // with `recursive` Node never ends where there cannot be one, as in /proc
    })
    if (before === undefined) await clear(folder) // what a run left that was killed while it cleared up
    const file = await open(rowsOf(folder, run), 'a+', mode)
    const kept = doneOf(before)
    const hash = kept.bytes > 0 ? await hashOf(file, kept.bytes) : undefined
    if (hash && parsed(before ?? '').checksum === checksumOf(run, kept, hash)) {
      await file.truncate(kept.bytes)
      return { file, kept, hash, spoilt: false }
    }
    return { file, kept: NOTHING, hash: await begun(file, folder, run, heading), spoilt: kept.bytes > 0 }
  } catch (cause) {
    throw cause instanceof FociError ? cause : fileError(folder, 'made', cause)
  }
}

/** Begins with the heading alone. */
async function begun(file: FileHandle, folder: string, run: Run, heading: Buffer): Promise<Hash> {
  const hash = newHash()
  await replaceFile(join(folder, MANIFEST), manifestOf(run, NOTHING, hash), true) // before its rows change
  await file.truncate(0)
  await file.writeFile(heading)
  hash.update(heading)
  return hash
}

/** Of a file's first bytes; undefined where there are fewer. */
async function hashOf(file: FileHandle, bytes: number): Promise<Hash | undefined> {
  const hash = newHash()
  const chunk = Buffer.allocUnsafeSlow(Math.min(bytes, CHUNK))
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(bytes - at, chunk.length), at)
    if (bytesRead === 0) return undefined
    hash.update(chunk.subarray(0, bytesRead))
    at += bytesRead
  }
  return hash
}

const rowsOf = (folder: string, { format }: Run): string => join(folder, `rows.${format}`)

const manifestOf = (run: Run, done: Done, rows: Hash): Buffer =>
  Buffer.from(`${JSON.stringify({ ...run, ...done, checksum: checksumOf(run, done, rows) }, null, 2)}\n`)

/** SHA-256 of the rows and of what the manifest says of them. */
function checksumOf({ artefact, log, k, format }: Run, { users, rows, bytes }: Done, hash: Hash): string {
  const sum = hash.copy()
  sum.update(Buffer.from(JSON.stringify([artefact, log, k, format, users, rows, bytes])))
  return sum.digest('hex')
}

function doneOf(manifest: string | undefined): Done {
  const { users, rows, bytes } = { ...NOTHING, ...parsed(manifest ?? '') }
  return [users, rows, bytes].every((count) => Number.isSafeInteger(count) && count >= 0) ? { users, rows, bytes } : NOTHING
}

async function clear(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (OURS.test(name)) await rm(join(folder, name), { force: true })
}

function checkSame(folder: string, manifest: string, run: Run): void {
  const before = parsed(manifest)
  const differs = (Object.keys(run) as (keyof Run)[]).find((key) => before[key] !== run[key])
  if (differs === undefined) return
  const what = differs === 'k' ? `-k ${before.k}, and this one has -k ${run.k}` : `another ${differs}`
  const hint = `Run that one to its end, or begin anew: rm -r ${shellWord(folder)}`
  throw new FociError('RESUME', `${folder} holds parts of a run with ${what}`, hint)
}

function parsed(manifest: string): Partial<Run & Done & { checksum: string }> {
  try {
    return JSON.parse(manifest) ?? {}
  } catch {
    return {}
  }
}
