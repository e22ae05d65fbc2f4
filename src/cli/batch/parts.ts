import { type FileHandle, mkdir, open, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf, fileError, moveFile, replaceFile } from '../../data/replace-file.ts'
import { FociError } from '../../errors.ts'
import { shellWord } from '../format.ts'

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

const MANIFEST = 'run.json'
/** All that a run writes into the folder, and what it leaves there when it is killed. */
const OURS = /^\.?(rows\.(csv|jsonl)|run\.json)(\..+\.partial)?$/

/**
 * The rows that were written so far, in a folder beside the output: one file that grows, and a manifest that says how much of it
 * counts. What stands behind that was being written when a run was killed, and is cut off by the next.
 */
export class Parts {
  readonly folder: string
  /** All rows so far, behind the heading. */
  readonly path: string
  private readonly run: Run
  /** It is awaited when rows are added: until then a failure is not told. */
  private readonly file: Promise<FileHandle>
  private kept: Done
  private written: Done

  private constructor(folder: string, run: Run, file: Promise<FileHandle>, kept: Done, heading: Buffer) {
    this.folder = folder
    this.path = rowsOf(folder, run)
    this.run = run
    this.file = file
    this.kept = kept
    this.written = kept.bytes > 0 ? kept : { ...NOTHING, bytes: heading.length }
  }

  /**
   * Goes on with the rows that an earlier run left, or begins: then the folder is still being made.
   * @throws FociError RESUME where they are of another run; FILE
   */
  static async open(out: string, run: Run, heading: string): Promise<Parts> {
    const folder = `${out}.parts`
    const head = Buffer.from(heading)
    const before = await readFile(join(folder, MANIFEST), 'utf8').catch(() => undefined)
    if (before !== undefined) checkSame(folder, before, run)
    const opening = opened(folder, run, before, head)
    const file = opening.then((opened) => opened.file)
    file.catch(() => undefined)
    const kept = before === undefined ? NOTHING : (await opening).kept
    return new Parts(folder, run, file, kept, head)
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
    const file = await this.file
    try {
      await file.writeFile(text)
      this.written = { users, rows: this.rows + rows, bytes: this.written.bytes + text.length }
      if (this.rows - this.kept.rows < PART_ROWS) return
      await file.datasync()
    } catch (cause) {
      throw fileError(this.path, 'written', cause)
    }
    await replaceFile(join(this.folder, MANIFEST), manifestOf(this.run, this.written))
    this.kept = this.written
  }

  /** Makes the rows the output. @throws FociError FILE */
  async moveTo(out: string): Promise<void> {
    await (await this.file).close()
    await moveFile(this.path, out)
  }

  async close(): Promise<void> {
    const file = await this.file.catch(() => undefined)
    await file?.close()
  }

  /** Removes what is left, and the folder where nothing else is in it. */
  async remove(): Promise<void> {
    await rm(join(this.folder, MANIFEST), { force: true }) // first: rows without it are nobody's
    await clear(this.folder)
    await rmdir(this.folder).catch(() => undefined)
  }
}

/** The file for rows, and how much of it counts. */
async function opened(folder: string, run: Run, before: string | undefined, heading: Buffer): Promise<{ file: FileHandle; kept: Done }> {
  try {
    await mkdir(folder).catch((cause) => {
      if (codeOf(cause) !== 'EEXIST') throw cause // with `recursive` Node never ends where there cannot be one, as in /proc
    })
    if (before === undefined) await clear(folder) // what a run left that was killed while it cleared up
    const file = await open(rowsOf(folder, run), 'a')
    const done = doneOf(before)
    const kept = (await file.stat()).size < done.bytes ? NOTHING : done
    if (kept.bytes === 0) await replaceFile(join(folder, MANIFEST), manifestOf(run, kept)) // before its rows change
    await file.truncate(kept.bytes)
    if (kept.bytes === 0) await file.writeFile(heading)
    return { file, kept }
  } catch (cause) {
    throw cause instanceof FociError ? cause : fileError(folder, 'made', cause)
  }
}

const rowsOf = (folder: string, { format }: Run): string => join(folder, `rows.${format}`)

const manifestOf = (run: Run, done: Done): Buffer => Buffer.from(`${JSON.stringify({ ...run, ...done }, null, 2)}\n`)

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

function parsed(manifest: string): Partial<Run & Done> {
  try {
    return JSON.parse(manifest) ?? {}
  } catch {
    return {}
  }
}
