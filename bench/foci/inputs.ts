/** Prepares a serving work: an artefact with initial weights, and the histories that all sides are asked about. */
import { writeFileSync } from 'node:fs'
import { type Interactions, readInteractions, sasrec } from 'foci'
import { writeArtefact } from '#foci/artefact/artefact.js'
import { integers } from '#foci/data/random.js'
import { loadNative } from '#foci/engine/native.js'
import { Variables } from '#foci/tensor/variables.js'
import { fociVersion, job, report } from '../outcome.ts'
import { artefactOf } from './artefact.ts'

interface Preparation {
  readonly artefact: string
  readonly inputs: string
  readonly maxLength: number
  /** Histories of random items of an invented catalogue, or those of a log. */
  readonly from: { readonly items: number; readonly histories: number } | { readonly log: string }
}

/** What is asked: item ids by index, and histories of ids, oldest first. */
export interface Inputs {
  readonly ids: readonly string[]
  readonly histories: readonly (readonly string[])[]
}

const SEED = 1

const { artefact, inputs: path, maxLength, from } = job<Preparation>()
const inputs = 'log' in from ? fromLog(await readInteractions(from.log)) : invented(from.items, from.histories)
const engine = loadNative()
const variables = new Variables(engine, { seed: SEED })
const spec = sasrec({ maxLength })
spec.definition.build(spec.options, { engine, items: inputs.ids.length, variables })
writeFileSync(artefact, await writeArtefact(artefactOf(spec, inputs.ids, variables.values(), 'log' in from)))
writeFileSync(path, JSON.stringify(inputs))
report(fociVersion, {})

function invented(items: number, histories: number): Inputs {
  const ids = Array.from({ length: items }, (_, item) => `item-${item}`)
  const one = (draw: number) => Array.from(integers(maxLength, items, SEED, draw), (item) => ids[item])
  return { ids, histories: Array.from({ length: histories }, (_, draw) => one(draw)) }
}

/** The whole past of every user. */
function fromLog({ users, offsets, items, catalogue: { ids } }: Interactions): Inputs {
  return { ids, histories: users.map((_, user) => Array.from(items.subarray(offsets[user], offsets[user + 1]), (item) => ids[item])) }
}
