import type { Engine, Id } from '../engine/engine.ts'

/** Gradients that a loss was computed together with, times the upstream one: themselves where that is 1, as in most steps. */
export function timesUpstream(gradients: readonly Id[], dy: Id, e: Engine): readonly Id[] {
  return e.readFloat32(dy)[0] === 1 ? gradients : gradients.map((gradient) => e.scaleBy(gradient, dy))
}
