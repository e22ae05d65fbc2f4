import type { Interactions, TimeUnit } from './interactions.ts'
import type { Column, Columns } from './table-columns.ts'

/** What `foci inspect LOG` prints. Shares lie between 0 and 1. */
export interface LogReport {
  readonly rows: number
  readonly users: number
  readonly items: number
  /** Items of the catalogue that no row names. */
  readonly itemsWithoutRows: number
  /** Rows whose time equals that of the user's row before. */
  readonly ties: number
  /** Rows whose item the user had before. */
  readonly repeats: number
  readonly unit: TimeUnit
  /** First and last time, in seconds since 1970; positions where the unit is `ordinal`. */
  readonly times: { readonly first: number; readonly last: number }
  /** Rows of a user: shortest, quartiles, nine tenths, longest. */
  readonly lengths: Readonly<Record<'least' | 'quarter' | 'median' | 'threeQuarters' | 'nineTenths' | 'most', number>>
  /** Users with fewer than three rows, who can only train. */
  readonly shortUsers: number
  /** Of the last tenth of the rows by time, those of items and of users that the rest has none of; absent for `ordinal`. */
  readonly cold?: { readonly items: number; readonly users: number }
  /** Rows by scene and by event type. */
  readonly scenes?: Readonly<Record<string, number>>
  readonly events?: Readonly<Record<string, number>>
  /** Further columns of the tables of items and users. */
  readonly itemColumns?: Readonly<Record<string, ColumnReport>>
  readonly userColumns?: Readonly<Record<string, ColumnReport>>
  readonly skipped: Readonly<Record<string, number>>
  /** What to mind when training on this log. */
  readonly advice: readonly string[]
}

/** What a column holds, for how many items or users, and how many numbers a vector has. */
export interface ColumnReport {
  readonly kind: Column['kind']
  readonly given: number
  readonly width?: number
}

/** Measures a log. */
export function inspectLog(log: Interactions): LogReport {
  const rows = log.items.length
  const users = log.users.length
  const lengths = new Int32Array(users)
  for (let user = 0; user < users; user++) lengths[user] = log.offsets[user + 1] - log.offsets[user]
  lengths.sort()
  const at = (share: number) => lengths[Math.max(0, Math.ceil(share * users) - 1)]
  const { ties, repeats, named } = countRepeats(log)
  const report = {
    rows,
    users,
    items: log.catalogue.size,
    itemsWithoutRows: log.catalogue.size - named,
    ties: ties / rows,
    repeats: repeats / rows,
    unit: log.unit,
    times: rangeOf(log.times),
    lengths: { least: at(0), quarter: at(0.25), median: at(0.5), threeQuarters: at(0.75), nineTenths: at(0.9), most: at(1) },
    shortUsers: lengths.filter((length) => length < 3).length,
    ...(log.unit !== 'ordinal' && { cold: coldShares(log) }),
    ...(log.scenes && { scenes: tally(log.scenes, log.sceneNames ?? []) }),
    ...(log.events && { events: tally(log.events, log.eventNames ?? []) }),
    ...(log.catalogue.columns && { itemColumns: columnReports(log.catalogue.columns) }),
    ...(log.userColumns && { userColumns: columnReports(log.userColumns) }),
    skipped: log.skipped,
  }
  return { ...report, advice: adviceOn(report) }
}

function columnReports(columns: Columns): Record<string, ColumnReport> {
  const reports = Object.entries(columns).map(([name, column]): [string, ColumnReport] => [
    name,
    { kind: column.kind, given: givenIn(column), ...(column.kind === 'vector' && { width: column.width }) },
  ])
  return Object.fromEntries(reports)
}

function givenIn(column: Column): number {
  if (column.kind === 'words') return column.of.filter((words) => words.length > 0).length
  if (column.kind === 'number') return column.of.filter((number) => !Number.isNaN(number)).length
  return column.given.reduce((sum, one) => sum + one, 0)
}

/** `named`: items that some row has. */
function countRepeats({ offsets, items, times, users, catalogue }: Interactions): { ties: number; repeats: number; named: number } {
  let [ties, repeats, named] = [0, 0, 0]
  const lastUser = new Int32Array(catalogue.size).fill(-1)
  for (let user = 0; user < users.length; user++) {
    for (let row = offsets[user]; row < offsets[user + 1]; row++) {
      const item = items[row]
      if (row > offsets[user] && times[row] === times[row - 1]) ties++
      if (lastUser[item] === user) repeats++
      if (lastUser[item] < 0) named++
      lastUser[item] = user
    }
  }
  return { ties, repeats, named }
}

function rangeOf(times: Float64Array): { first: number; last: number } {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const time of times) {
    if (time < first) first = time
    if (time > last) last = time
  }
  return { first, last }
}

/** The rows from the time on at which nine tenths are over; rows of one time stay together. */
function coldShares({ offsets, items, times, users, catalogue }: Interactions): { items: number; users: number } {
  const cut = times.slice().sort()[Math.floor(0.9 * times.length)]
  const isKnown = new Uint8Array(catalogue.size)
  for (let row = 0; row < items.length; row++) if (times[row] < cut) isKnown[items[row]] = 1
  let [late, ofNewItems, ofNewUsers] = [0, 0, 0]
  for (let user = 0; user < users.length; user++) {
    const isNew = times[offsets[user]] >= cut // a user's rows stand in the order of time
    for (let row = offsets[user]; row < offsets[user + 1]; row++) {
      if (times[row] < cut) continue
      late++
      if (isNew) ofNewUsers++
      if (isKnown[items[row]] === 0) ofNewItems++
    }
  }
  return { items: ofNewItems / late, users: ofNewUsers / late }
}

function tally(codes: Int32Array, names: readonly string[]): Record<string, number> {
  const counts = new Int32Array(names.length)
  for (const code of codes) counts[code]++
  return Object.fromEntries(names.map((name, i) => [name, counts[i]]))
}

const percent = (share: number) => `${Math.round(share * 100)} %`

function adviceOn(report: Omit<LogReport, 'advice'>): string[] {
  const { unit, ties, repeats, lengths, cold, events, shortUsers, users, skipped } = report
  const left = Object.values(skipped).reduce((sum, count) => sum + count, 0)
  return [
    unit === 'ordinal' && 'Times are only positions: split by leave-one-out, and leave models that read times aside.',
    ties > 0.2 && `${percent(ties)} of the rows share their time with the row before: their order is that of the source.`,
    repeats > 0.05 &&
      `${percent(repeats)} of the rows repeat an item: with the seen filter on these can't be found; think of seen: 'none'.`,
    events &&
      Object.keys(events).length > 1 &&
      `There are ${Object.keys(events).length} event types: say which are predicted (target) and which fill a history (input).`,
    cold && cold.items > 0.1 && `${percent(cold.items)} of the last tenth are items that nothing before it shows: add an items table.`,
    cold && cold.users > 0.3 && `${percent(cold.users)} of the last tenth are new users: judge by a time split too.`,
    shortUsers > users / 2 &&
      `${percent(shortUsers / users)} of the users have fewer than three rows and are never asked in leave-one-out.`,
    `Nine of ten users have at most ${lengths.nineTenths} rows: a longer history (--max-length) reads more of few users.`,
    left > 0 && `${left} lines were left out; see skipped.`,
  ].filter((sentence) => typeof sentence === 'string')
}
