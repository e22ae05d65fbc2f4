import { mkdir, open, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileError, replaceFile } from '../../data/replace-file.ts'
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

/** The users from `first` to before `end`, whole in one file. */
interface Part {
  readonly file: string
  readonly first: number
  readonly end: number
  readonly rows: number
}

const MANIFEST = 'run.json'
const PART = /^(\d+)-(\d+)-(\d+)\.(?:csv|jsonl)$/
/** All that a run writes into the folder, and what it leaves there when it is killed. */
const OURS = /^\.?(\d+-\d+-\d+\.(csv|jsonl)|run\.json)(\..+\.partial)?$/

/** The rows that were written so far, in a folder beside the output: one file for some users, each put there whole. */
export class Parts {
  readonly folder: string
  readonly format: Run['format']
  private readonly list: Part[]

  private constructor(folder: string, format: Run['format'], list: Part[]) {
    this.folder = folder
    this.format = format
    this.list = list
  }

  /**
   * The parts that an earlier run left, or none.
   * @throws FociError RESUME where they are of another run; FILE
   */
  static async open(out: string, run: Run): Promise<Parts> {
    const folder = `${out}.parts`
    const manifest = join(folder, MANIFEST)
    const before = await readFile(manifest, 'utf8').catch(() => undefined)
    if (before !== undefined) {
      checkSame(folder, before, run)
      return new Parts(folder, run.format, chain(await readdir(folder)))
    }
    try {
      await mkdir(folder, { recursive: true })
    } catch (cause) {
      throw fileError(folder, 'made', cause)
    }
    await clear(folder) // what a run left that was killed while it cleared up
    await replaceFile(manifest, Buffer.from(`${JSON.stringify(run, null, 2)}\n`))
    return new Parts(folder, run.format, [])
  }

  /** Users whose rows are there: all before this one. */
  get end(): number {
    return this.list.at(-1)?.end ?? 0
  }

  get rows(): number {
    return this.list.reduce((sum, { rows }) => sum + rows, 0)
  }

  get files(): string[] {
    return this.list.map(({ file }) => join(this.folder, file))
  }

  /** Adds the users from `end` on. @throws FociError FILE */
  async add(end: number, rows: number, text: Uint8Array): Promise<void> {
    const file = `${this.end}-${end}-${rows}.${this.format}`
    await replaceFile(join(this.folder, file), text)
    this.list.push({ file, first: this.end, end, rows })
  }

  /** Writes the heading and all parts into one file. */
  async join(path: string, heading: string): Promise<void> {
    const out = await open(path, 'wx')
    try {
      await out.writeFile(heading)
      for (const file of this.files) await out.writeFile(await readFile(file))
    } finally {
      await out.close()
    }
  }

  /** Removes the parts, and the folder where nothing else is in it. */
  async remove(): Promise<void> {
    await rm(join(this.folder, MANIFEST), { force: true }) // first: parts without it are nobody's
    await clear(this.folder)
    await rmdir(this.folder).catch(() => undefined)
  }
}

/** The parts from user 0 on without a gap. */
function chain(names: readonly string[]): Part[] {
  const matches = names.map((name) => PART.exec(name)).filter((match) => match !== null)
  const parts = new Map(matches.map(([file, first, end, rows]) => [Number(first), { file, first: +first, end: +end, rows: +rows }]))
  const list: Part[] = []
  for (let part = parts.get(0); part; part = parts.get(part.end)) list.push(part)
  return list
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

function parsed(manifest: string): Partial<Record<keyof Run, unknown>> {
  try {
    return JSON.parse(manifest) ?? {}
  } catch {
    return {}
  }
}
