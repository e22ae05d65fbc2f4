import type { DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api'
import type { Field } from '../columns.ts'
import { locateFields } from '../columns.ts'
import { fault, faults, noRows } from '../faults.ts'
import type { TimeUnit } from '../interactions.ts'
import type { LogOptions, SortedLog } from '../log.ts'
import { sharedDoubles, sharedFloats, sharedInts } from '../shared.ts'
import { bandLimits, detectUnit, isoPattern, ordinalLimit, secondsPer, unitHint } from '../time.ts'
import { type Dialect, readDialect } from './dialect.ts'
import { type Session, sqlText } from './duckdb.ts'
import { firstFault, loadCsv } from './load.ts'

type Places = Partial<Record<Field, number>>

/** Reads a CSV log: DuckDB numbers the ids and sorts the rows, and the columns come out of it chunk by chunk. */
export async function readCsvLog(session: Session, path: string, options: LogOptions): Promise<SortedLog> {
  const dialect = await readDialect(path, options.delimiter)
  const places = locateFields(dialect.header, options.columns ?? {}, path)
  const loaded = await loadCsv(session, dialect, 'log', selectRow(places))
  const unit = options.unit ?? (await unitOf(session))
  const skipped = { ...loaded.broken, ...(await countFaults(session, unit)) }
  const bad = Object.keys(skipped).some((reason) => reason !== 'blank line')
  if (bad && !options.skipInvalid) throw await firstFault(dialect, loaded, await firstBadRow(session, dialect, places, unit))
  const log = await sortedColumns(session, places, unit)
  if (log.items.length === 0) throw noRows(path, skipped)
  return { ...log, unit, skipped }
}

/** One row: ids as texts, the time as a number or as the seconds of an ISO text, and the first fault that needs no unit. */
function selectRow(places: Places): string {
  const at = (field: Field) => (places[field] === undefined ? undefined : `c${places[field]}`)
  const number = (text: string) => `TRY_CAST(CASE WHEN contains(${text}, '_') THEN NULL ELSE ${text} END AS DOUBLE)`
  const [time, scene, event, value] = [at('timestamp'), at('scene'), at('event'), at('value')]
  const empty = (text: string | undefined, code: number) => (text === undefined ? '' : `WHEN coalesce(trim(${text}), '') = '' THEN ${code}`)
  const valueFault = `WHEN value IS NULL AND trim(${value}) <> '' OR NOT isfinite(value) THEN ${fault.value}`
  return `${at('user')} AS user_id, ${at('item')} AS item_id,
    ${number(`${time}`)} AS num,
    CASE WHEN num IS NULL AND regexp_full_match(${time}, ${sqlText(isoPattern)}) THEN ${isoSeconds(`${time}`)} END AS iso,
    CASE WHEN num IS NULL OR abs(num) >= 9007199254740992 THEN ${time} END AS written,
    ${scene ?? 'NULL'} AS scene_id, ${event ?? 'NULL'} AS event_id,
    ${value === undefined ? 'NULL::DOUBLE' : number(value)} AS value,
    (CASE ${empty(at('user'), fault.user)} ${empty(at('item'), fault.item)} ${empty(time, fault.timestamp)}
      WHEN num IS NULL AND iso IS NULL THEN ${fault.noTime}
      WHEN NOT isfinite(num) THEN ${fault.notFinite}
      ${empty(scene, fault.scene)} ${empty(event, fault.event)}
      ${value === undefined ? '' : valueFault}
      ELSE ${fault.none} END)::TINYINT AS fault`
}

/** `parseIso` in SQL: DuckDB's timestamps pass over an offset, so it is cut off and subtracted. */
function isoSeconds(text: string): string {
  const offset = `regexp_extract(${text}, ':[0-9.]+([+-][0-9]{2}:?[0-9]{0,2})$', 1)`
  const bare = `regexp_replace(${text}, '(:[0-9.]+)(Z|[+-][0-9]{2}:?[0-9]{0,2})$', '\\1')`
  const minutes = `(CASE WHEN ${offset} = '' THEN 0 ELSE (${offset}[1] || '1')::INTEGER *
    (${offset}[2:3]::INTEGER * 60 + coalesce(TRY_CAST(replace(${offset}[4:], ':', '') AS INTEGER), 0)) END)`
  return `(epoch_us(TRY_CAST(${bare} AS TIMESTAMP)) - ${minutes} * 60000000::BIGINT) / 1e6`
}

async function unitOf(session: Session): Promise<TimeUnit> {
  const [second, milli, micro] = bandLimits
  const [counts] = await session.rows(`SELECT count(num)::DOUBLE, count(iso)::DOUBLE,
      count(*) FILTER (abs(num) < ${second})::DOUBLE,
      count(*) FILTER (abs(num) >= ${second} AND abs(num) < ${milli})::DOUBLE,
      count(*) FILTER (abs(num) >= ${milli} AND abs(num) < ${micro})::DOUBLE,
      count(*) FILTER (abs(num) >= ${micro})::DOUBLE,
      count(*) FILTER (num >= 0 AND num < ${ordinalLimit} AND num = floor(num))::DOUBLE
    FROM log WHERE fault = 0`)
  const [numbers, isos, ...rest] = counts.map(Number)
  return detectUnit({ numbers, isos, bands: rest.slice(0, 4), positions: rest[4] })
}

/** The row's fault, now that the unit is known: `timeFault` in SQL. */
function faultIn(unit: TimeUnit): string {
  const time = timeIn(unit)
  const wrong =
    unit === 'ordinal'
      ? `${time} < 0 OR ${time} <> floor(${time}) THEN ${fault.noPosition}`
      : `abs(${time}) > ${bandLimits[0]} THEN ${fault.outOfRange}`
  return `CASE WHEN fault <> 0 THEN fault WHEN ${time} IS NULL THEN ${fault.noTime} WHEN ${wrong} ELSE 0 END`
}

const timeIn = (unit: TimeUnit) => (unit === 'iso' ? 'iso' : `(num / ${secondsPer[unit].toExponential()})`)

async function countFaults(session: Session, unit: TimeUnit): Promise<Record<string, number>> {
  const rows = await session.rows(`SELECT ${faultIn(unit)} AS code, count(*)::DOUBLE FROM log GROUP BY 1 HAVING code <> 0 ORDER BY 1`)
  return Object.fromEntries(rows.map(([code, count]) => [faults[Number(code)].reason, Number(count)]))
}

async function firstBadRow(session: Session, dialect: Dialect, places: Places, unit: TimeUnit) {
  const [row] = await session.rows(
    `SELECT n::DOUBLE, ${faultIn(unit)} AS code, coalesce(written, num::VARCHAR, '') FROM log WHERE code <> 0 ORDER BY n LIMIT 1`,
  )
  if (row === undefined) return undefined
  const [n, code] = [Number(row[0]), Number(row[1])]
  const { column, reason } = faults[code]
  const timed = code === fault.noTime || code === fault.notFinite || code === fault.outOfRange || code === fault.noPosition
  const fits = code === fault.outOfRange || code === fault.noPosition || (code === fault.noTime && (await hasBothKinds(session)))
  return {
    n,
    column: column && dialect.header[places[column] ?? 0],
    reason,
    ...(timed && { value: String(row[2]) }),
    ...(fits && { hint: unitHint(unit) }),
  }
}

/** Numbers and ISO texts in one column. */
async function hasBothKinds(session: Session): Promise<boolean> {
  const [[both]] = await session.rows('SELECT count(num) > 0 AND count(iso) > 0 FROM log')
  return both === true
}

/** Ids numbered by first appearance, rows by user, time and place in the file. */
async function sortedColumns(session: Session, places: Places, unit: TimeUnit): Promise<Omit<SortedLog, 'unit' | 'skipped'>> {
  await session.connection.run(`CREATE VIEW good AS SELECT * FROM log WHERE ${faultIn(unit)} = 0`)
  const number = async (column: 'user' | 'item' | 'scene' | 'event', asked: boolean) =>
    asked ? await numbered(session, column) : undefined
  const users = (await number('user', true)) ?? []
  const items = (await number('item', true)) ?? []
  const sceneNames = await number('scene', places.scene !== undefined)
  const eventNames = await number('event', places.event !== undefined)
  const [[count]] = await session.rows('SELECT count(*)::DOUBLE FROM good')
  const columns = emptyColumns(Number(count), users.length, { scene: sceneNames, event: eventNames, value: places.value })
  const join = (column: string, asked: unknown) => (asked === undefined ? '' : `JOIN ${column}s ON ${column}s.id = ${column}_id`)
  await fill(
    await session.connection.stream(`SELECT users.place, items.place, ${timeIn(unit)},
        ${sceneNames === undefined ? '0' : 'scenes.place'}, ${eventNames === undefined ? '0' : 'events.place'}, value
      FROM good ${join('user', users)} ${join('item', items)} ${join('scene', sceneNames)} ${join('event', eventNames)}
      ORDER BY users.place, ${timeIn(unit)}, ${unit === 'nanoseconds' ? 'TRY_CAST(written AS BIGINT), ' : ''}n`),
    columns,
  )
  return { ...columns, users, itemIds: items, sceneNames, eventNames }
}

/** Makes the table `users` (or items, scenes, events) of ids and their numbers, and gives the ids in order. */
async function numbered(session: Session, column: string): Promise<string[]> {
  await session.connection.run(`CREATE TABLE ${column}s AS
    SELECT id, (row_number() OVER (ORDER BY earliest) - 1)::INTEGER AS place
    FROM (SELECT ${column}_id AS id, min(n) AS earliest FROM good GROUP BY 1)`)
  const result = await session.connection.stream(`SELECT id FROM ${column}s ORDER BY place`)
  const ids: string[] = []
  for await (const chunk of chunks(result)) {
    for (const id of chunk.getColumnValues(0)) ids.push(String(id))
  }
  return ids
}

async function* chunks(result: DuckDBResult): AsyncGenerator<DuckDBDataChunk> {
  for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) yield chunk
}

function emptyColumns(rows: number, users: number, has: { scene: unknown; event: unknown; value: unknown }) {
  return {
    offsets: sharedInts(users + 1),
    items: sharedInts(rows),
    times: sharedDoubles(rows),
    scenes: has.scene === undefined ? undefined : sharedInts(rows),
    events: has.event === undefined ? undefined : sharedInts(rows),
    values: has.value === undefined ? undefined : sharedFloats(rows),
  }
}

async function fill(result: DuckDBResult, columns: ReturnType<typeof emptyColumns>): Promise<void> {
  const { offsets, items, times, scenes, events, values } = columns
  let start = 0
  for await (const chunk of chunks(result)) {
    const take = (column: number, into: Int32Array | Float32Array | Float64Array | undefined) => {
      if (into === undefined) return
      const vector = chunk.getColumnVector(column)
      for (let i = 0; i < chunk.rowCount; i++) into[start + i] = Number(vector.getItem(i) ?? Number.NaN)
    }
    const users = chunk.getColumnVector(0)
    for (let i = 0; i < chunk.rowCount; i++) offsets[Number(users.getItem(i)) + 1]++
    take(1, items)
    take(2, times)
    take(3, scenes)
    take(4, events)
    take(5, values)
    start += chunk.rowCount
  }
  for (let user = 1; user < offsets.length; user++) offsets[user] += offsets[user - 1]
}
