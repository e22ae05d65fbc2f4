import type { Interactions } from '../data/interactions.ts'
import { roleTable } from '../data/roles.ts'

/**
 * What each row of a log counts as something to predict, by its event type: 0 where it is no target, else its weight.
 * @returns [N]; undefined where every row counts 1
 */
export function targetWeights(log: Interactions): Float32Array | undefined {
  const { events, eventNames, roles } = log
  if (!events || !eventNames || (roles.target === undefined && roles.weight === undefined)) return undefined
  const isTarget = roleTable(log, roles.target)
  const byEvent = eventNames.map((name, event) => (isTarget === undefined || isTarget[event] ? (roles.weight?.[name] ?? 1) : 0))
  return Float32Array.from(events, (event) => byEvent[event])
}
