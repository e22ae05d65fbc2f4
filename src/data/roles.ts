import type { Interactions } from './interactions.ts'

/** For each event type whether the role names it; undefined where every row has the role. */
export function roleTable({ eventNames }: Interactions, names: readonly string[] | undefined): readonly boolean[] | undefined {
  if (eventNames === undefined || names === undefined) return undefined
  return eventNames.map((name) => names.includes(name))
}
