/** Prepares a serving work: an artefact with initial weights, and the histories that all sides are asked about. */
import { writeFileSync } from 'node:fs'
import { din, type Interactions, readInteractions, sasrec } from 'foci'
import { writeArtefact } from '#foci/artefact/artefact.js'
import { integers, permutation } from '#foci/data/random.js'
import { loadNative } from '#foci/engine/native.js'
import { Variables } from '#foci/tensor/variables.js'
import { fociVersion, job, report } from '../outcome.ts'
import { artefactOf } from './artefact.ts'

interface Preparation {
  readonly artefact: string
  readonly inputs: string
  readonly maxLength: number
  /** Candidates that a ranker is asked to rank for each history; the model is din then. */
  readonly candidates?: number
  /** Histories of random items of an invented catalogue, or those of a log. */
  readonly from: { readonly items: number; readonly histories: number } | { readonly log: string }
}

/** What is asked: item ids by index, and histories of ids, oldest first. */
export interface Inputs {
  readonly ids: readonly string[]
  readonly histories: readonly (readonly string[])[]
  /** Of each history. */
  readonly candidates?: readonly (readonly string[])[]
}

const SEED = 1

const { artefact, inputs: path, maxLength, candidates, from } = job<Preparation>()
const inputs = 'log' in from ? fromLog(await readInteractions(from.log)) : invented(from.items, from.histories)
const engine = loadNative()
const variables = new Variables(engine, { seed: SEED })
const spec = candidates === undefined ? sasrec({ maxLength }) : din({ maxLength })
spec.definition.build(spec.options, { engine, items: inputs.ids.length, variables })
writeFileSync(artefact, await writeArtefact(artefactOf(spec, inputs.ids, variables.values(), 'log' in from)))
writeFileSync(path, JSON.stringify(inputs))
report(fociVersion, {})

function invented(items: number, histories: number): Inputs {
  const ids = Array.from({ length: items }, (_, item) => `item-${item}`)
  const each = (of: (draw: number) => Int32Array) =>
    Array.from({ length: histories }, (_, draw) => Array.from(of(draw), (item) => ids[item]))
  const distinct = (draw: number) => permutation(items, SEED, draw).subarray(0, candidates)
  return {
    ids,
    histories: each((draw) => integers(maxLength, items, SEED, draw)),
    ...(candidates !== undefined && { candidates: each(distinct) }),
  }
}

/** The whole past of every user. */
function fromLog({ users, offsets, items, catalogue: { ids } }: Interactions): Inputs {
  return { ids, histories: users.map((_, user) => Array.from(items.subarray(offsets[user], offsets[user + 1]), (item) => ids[item])) }
}
