/** The works of the serving and the wasm bench: their artefacts, histories and graphs, and who does them. */
import { existsSync, readFileSync } from 'node:fs'
import { sameTop, type Top } from './compare.ts'
import { flags, run, type Side } from './harness.ts'
import { PEERS } from './peers/install.ts'
import type { Serving } from './requests.ts'

export interface Work {
  readonly name: string
  /** Everybody at once, what they have seen left out; else one user after the other. */
  readonly many: boolean
  /** Events that the model reads. */
  readonly maxLength: number
  /** Candidates that din ranks, where sasrec does not search the catalogue. */
  readonly candidates?: number
  readonly from: { readonly items: number; readonly histories: number } | { readonly log: string }
}

/** Who does a work, and how. */
export interface Setting {
  readonly library: 'onnxruntime-node' | 'onnxruntime-web'
  readonly engine: 'native' | 'wasm'
  readonly threads: number
}

const K = 10

/** The graph as PyTorch's exporter writes it, and one whose last block computes the last event alone. */
const GRAPHS = [
  { variant: 'all events', onlyLast: false },
  { variant: 'last event alone in the last block', onlyLast: true },
]

/** din as everyone writes it, and with its first layer taken apart as foci takes it. */
const RANKERS = [
  { variant: 'as written', split: false },
  { variant: 'first layer split by hand', split: true },
]

export const oneUser = (items: number, events: number, histories = 256): Work => ({
  name: `one user, ${events} events, ${items.toLocaleString('en')} items`,
  many: false,
  maxLength: events,
  from: { items, histories },
})

export const givenCandidates = (candidates: number, events: number): Work => ({
  ...oneUser(12_101, events),
  name: `din, ${candidates} candidates, ${events} events`,
  candidates,
})

export function allUsers(): Work {
  const log = `${flags.data}/amazon-beauty/interactions.csv.gz`
  if (!existsSync(log)) throw new Error(`${log} is not there: name the folder of the logs with --data`)
  return { name: 'all users of amazon-beauty', many: true, maxLength: 50, from: { log } }
}

/** Makes the artefact, the histories and the graphs of a work, and gives the sides that do it. */
export function prepare({ name, many, maxLength, from }: Work, { library, engine, threads }: Setting): Side[] {
  const stem = `${PEERS}/${name.replaceAll(/[ ,]+/g, '-')}`
  const serving: Serving = { artefact: `${stem}.safetensors`, inputs: `${stem}.json`, many, k: K }
  run({ side: 'foci', variant: 'artefact', program: 'foci/inputs.js', job: { ...serving, maxLength, from }, threads })
  const peers = GRAPHS.map(({ variant, onlyLast }, i): Side => {
    const graph = `${stem}.${i}.onnx`
    const job = { artefact: serving.artefact, graph, k: K, onlyLast, seen: many }
    run({ side: 'PyTorch', variant: 'export', program: 'bench/peers/export.py', job, threads })
    return { side: library, variant, program: 'peers/serving.js', job: { ...serving, library, graph, maxLength, threads }, threads }
  })
  return [{ side: 'foci', variant: engine, program: 'foci/serving.js', job: { ...serving, engine }, threads }, ...peers]
}

/** The same for a ranker of given candidates. */
export function prepareRanking({ name, maxLength, candidates, from }: Work): Side[] {
  const stem = `${PEERS}/${name.replaceAll(/[ ,]+/g, '-')}`
  const [serving, threads] = [{ artefact: `${stem}.safetensors`, inputs: `${stem}.json` }, 1]
  run({ side: 'foci', variant: 'artefact', program: 'foci/inputs.js', job: { ...serving, maxLength, candidates, from }, threads })
  const peers = RANKERS.map(({ variant, split }, i): Side => {
    const graph = `${stem}.${i}.onnx`
    run({ side: 'PyTorch', variant: 'export', program: 'bench/peers/din.py', job: { artefact: serving.artefact, graph, split }, threads })
    return { side: 'onnxruntime-node', variant, program: 'peers/ranking.js', job: { ...serving, graph, threads }, threads }
  })
  return [{ side: 'foci', variant: 'native', program: 'foci/ranking.js', job: serving, threads }, ...peers]
}

/** The sides of all users, from the log's file to a file of lists. */
export function fromFileToFile(sides: readonly Side[], { from }: Work): Side[] {
  return sides.map((side, i) => ({
    ...side,
    program: side.side === 'foci' ? 'foci/batch.js' : 'peers/batch.js',
    job: { ...side.job, ...from, out: `${PEERS}/lists.${i}.csv` },
  }))
}

/** Whether files hold the same lists. */
export function sameLists(files: readonly string[], sides: readonly string[]): string[] {
  return sameTop(files.map(listsOf), sides)
}

/** Of the columns user, rank, item and score: the users by id, each with its items by rank. */
function listsOf(file: string): Top {
  const lists = new Map<string, { items: string[]; scores: number[] }>()
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n').slice(1)) {
    const [user, rank, item, score] = line.split(',')
    const list = lists.get(user) ?? { items: [], scores: [] }
    list.items[Number(rank) - 1] = item
    list.scores[Number(rank) - 1] = Number(score)
    lists.set(user, list)
  }
  const users = [...lists.keys()].sort()
  return { items: users.map((user) => lists.get(user)!.items), scores: users.map((user) => lists.get(user)!.scores) }
}
