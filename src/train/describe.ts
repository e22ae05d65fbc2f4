import type { ArtefactContent } from '../artefact/artefact.ts'
import { keptItems } from '../artefact/catalogue-tensors.ts'
import type { Trained } from '../artefact/schema.ts'
import { keptUsers } from '../artefact/user-tensors.ts'
import { needsOf } from '../models/define.ts'
import { popularItems } from '../models/popularity.ts'
import type { Split } from '../split/split.ts'
import type { TrainSettings } from './settings.ts'

/** What an artefact says of its making, before there are weights and scores. */
export function describe(split: Split, { model, seed, precision }: TrainSettings): Omit<ArtefactContent, 'tensors'> {
  const { log } = split
  const popular = popularItems(split)
  const { events = [], request = [], items = [], users } = needsOf(model)
  return {
    parts: [model, ...(model.parts ?? [])].map(({ definition, options }) => ({ model: definition.name, options })),
    roles: log.roles,
    ...((events.includes('scene') || request.includes('scene')) && { scenes: log.sceneNames }),
    ...(events.includes('type') && { events: log.eventNames }),
    trained: { ...trainedOn(split, popular.length), seed, precision },
    scores: {},
    catalogue: keptItems(log.catalogue, items),
    ...(users && { users: keptUsers(log.users, log.userColumns ?? {}, users) }),
    popular,
  }
}

function trainedOn({ name, log, trainEnd }: Split, items: number): Omit<Trained, 'seed' | 'precision'> {
  let [rows, users, first, last] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  trainEnd.forEach((end, user) => {
    const start = log.offsets[user]
    rows += end - start
    if (end === start) return
    users++
    first = Math.min(first, log.times[start])
    last = Math.max(last, log.times[end - 1])
  })
  const time = rows > 0 ? { time: { first, last, unit: log.unit } } : {}
  return { rows, users, items, ...time, split: name, log: log.hash }
}
