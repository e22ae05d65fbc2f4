import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { expect } from 'vitest'
import { type Ended, foci } from '../cli/foci.ts'
import { FACTOR, pick } from './rounds.ts'

/** What a command writes while the test breaks it. */
export interface Attacked {
  readonly name: string
  readonly words: readonly string[]
  /** How the output's name ends. */
  readonly ending: string
  /** What an undisturbed run writes, and what stood there before; both are foci's. */
  readonly whole: Buffer
  readonly old: Buffer
}

const formats = ['csv', 'jsonl', 'parquet'] as const

/** A training and a batch of each format, of a second or less each; in `npm test` of one format, by chance. */
export async function attackedIn(at: (...names: string[]) => string, users: number, k: number): Promise<Attacked[]> {
  const log = at('world', 'interactions.csv')
  const run = async (...words: string[]): Promise<void> => expect(await foci(...words)).toMatchObject({ code: 0 })
  await run('sample', at('world'), '--users', `${users}`)
  const train = ['train', log, '--model', 'sasrec', '--dim', '8', '--blocks', '1', '--max-length', '10']
  const made = async (name: string, ending: string, words: string[], other: string[]): Promise<Attacked> => {
    const [whole, old] = [at(`whole.${ending}`), at(`old.${ending}`)]
    await run(...words, '--out', whole)
    await run(...other, '--out', old)
    return { name, words, ending, whole: readFileSync(whole), old: readFileSync(old) }
  }
  const training = await made('train', 'safetensors', [...train, '--epochs', '3'], [...train, '--epochs', '1'])
  const batch = (many: number) => ['batch', at('whole.safetensors'), log, '-k', `${many}`]
  const batches: Attacked[] = []
  for (const format of FACTOR === 1 ? [pick(formats)] : formats) batches.push(await made(`batch to ${format}`, format, batch(k), batch(2)))
  return [training, ...batches]
}

export const stands = (out: string): Buffer | undefined => (existsSync(out) ? readFileSync(out) : undefined)

/** Files beside an output that are of it. */
export const beside = (out: string): string[] =>
  readdirSync(dirname(out)).filter((name) => name !== basename(out) && name.includes(basename(out)))

/** A failure that says in words what was wrong and what to do. */
export function expectTyped({ code, signal, stderr }: Ended, what: string): void {
  expect([code, signal, stderr], what).toEqual([1, null, expect.stringMatching(/^error: .*\nhint: .*\n$/ms)])
  expect(stderr, what).not.toContain('bug of its own')
}

/** Runs a command to its end after all that was done to it. */
export async function expectWhole({ words, whole }: Attacked, out: string, what = ''): Promise<void> {
  const ended = await foci(...words, '--out', out, ...(words[0] === 'train' ? ['--resume'] : []))
  expect(ended, what).toMatchObject({ code: 0 })
  expect(stands(out)?.equals(whole), what).toBe(true)
  expect(beside(out), what).toEqual([])
}
