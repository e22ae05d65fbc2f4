/** An artefact of a model that was never trained: the same weights for foci and, exported, for its peers. */
import type { ArtefactContent } from '#foci/artefact/artefact.js'
import type { ModelSpec } from '#foci/models/define.js'
import type { Values } from '#foci/tensor/kinds.js'

/** @param seen whether recommendations leave out what a history holds */
export function artefactOf(
  { definition, options }: ModelSpec,
  ids: readonly string[],
  tensors: Readonly<Record<string, Values>>,
  seen = true,
): ArtefactContent {
  return {
    parts: [{ model: definition.name, options }],
    roles: seen ? {} : { seen: 'none' },
    trained: { rows: 0, users: 0, items: ids.length, split: 'leave-one-out', seed: 1, log: '', precision: 'f32' },
    scores: {},
    catalogue: { ids },
    popular: Int32Array.from(ids.keys()),
    tensors,
  }
}
