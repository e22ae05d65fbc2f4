import { fault } from '../row-faults.ts'
import { isoPattern } from '../time.ts'
import { sqlText } from './duckdb.ts'

/** SQL of an id. */
export interface IdExpression {
  /** Null where there is none. */
  readonly text: string
  /** When there is what is no id, and which fault that is. */
  readonly faults: readonly (readonly [when: string, fault: number])[]
}

/** SQL of a time: either a number or the seconds of a date, null both where there is none. */
export interface TimeExpression {
  readonly number: string
  /** Here and in `rest` the column `number` has the number. */
  readonly date: string
  /** By what a whole number differs from the double nearest to it. */
  readonly rest: string
  /** When nothing is there. */
  readonly empty: string
}

const types = {
  text: /^(VARCHAR|ENUM.*)$/,
  whole: /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/,
  real: /^(FLOAT|DOUBLE)$/,
  decimal: /^DECIMAL/,
  instant: /^(DATE|TIMESTAMP.*)$/,
  uuid: /^UUID$/,
  json: /^JSON$/,
} as const

type Kind = keyof typeof types

function kindOf(type: string): Kind | undefined {
  return (Object.keys(types) as Kind[]).find((kind) => types[kind].test(type))
}

const exactBelow = '9007199254740992'

/** Undefined where a column of this type holds no ids. */
export function idExpression(column: string, type: string): IdExpression | undefined {
  const kind = kindOf(type)
  if (kind === 'text' || kind === 'whole' || kind === 'uuid') return { text: `${column}::VARCHAR`, faults: [] }
  if (kind === 'decimal') return { text: `trunc(${column})::HUGEINT::VARCHAR`, faults: [[`${column} <> trunc(${column})`, fault.fraction]] }
  if (kind === 'real') return { text: shortNumber(column, `${column}::VARCHAR`), faults: noWholeNumber(column) }
  if (kind !== 'json') return undefined
  const written = `(${column}->>'$')`
  const short = `CASE WHEN json_type(${column}) = 'DOUBLE' THEN ${shortNumber(`${column}::DOUBLE`, written)} ELSE ${written} END`
  const isDouble = `json_type(${column}) = 'DOUBLE' AND`
  const numbers = noWholeNumber(`${column}::DOUBLE`).map(([when, what]) => [`${isDouble} ${when}`, what] as const)
  return { text: short, faults: [[`json_type(${column}) IN ('BOOLEAN', 'ARRAY', 'OBJECT')`, fault.noText], ...numbers] }
}

/** When a double is no id. */
const noWholeNumber = (number: string) =>
  [
    [`NOT isfinite(${number})`, fault.noText],
    [`${number} <> trunc(${number})`, fault.fraction],
    [`abs(${number}) >= ${exactBelow}`, fault.unsafe],
  ] as const

/** A whole number without its `.0`, as JavaScript writes it. */
const shortNumber = (number: string, written: string) =>
  `CASE WHEN ${number} = trunc(${number}) AND abs(${number}) < ${exactBelow} THEN ${number}::BIGINT::VARCHAR ELSE ${written} END`

/** Undefined where a column of this type holds no times. */
export function timeExpression(column: string, type: string): TimeExpression | undefined {
  const kind = kindOf(type)
  if (kind === 'text') return textTime(`${column}::VARCHAR`)
  if (kind === 'json') return textTime(`(${column}->>'$')`)
  const empty = `${column} IS NULL`
  if (kind === 'whole') return { number: `${column}::DOUBLE`, date: noDate, rest: restOf(column), empty }
  if (kind === 'real' || kind === 'decimal') return { number: `${column}::DOUBLE`, date: noDate, rest: '0', empty }
  if (kind !== 'instant') return undefined
  const nanoseconds = type === 'TIMESTAMP_NS'
  const micros = nanoseconds
    ? `((epoch_ns(${column}) // 1000)::DOUBLE + (epoch_ns(${column}) % 1000)::DOUBLE / 1000)`
    : `epoch_us(${column})`
  const seconds = `(${micros} / 1e6)`
  const date = `CASE WHEN isfinite(${column}) THEN ${seconds} WHEN ${column} IS NOT NULL THEN 'inf'::DOUBLE END`
  const rest = `coalesce(TRY_CAST(epoch_ns(${column}) - (${seconds} * 1e9)::HUGEINT AS SMALLINT), 0)`
  return { number: 'NULL::DOUBLE', date, rest: nanoseconds ? rest : '0', empty }
}

const noDate = 'NULL::DOUBLE'

function textTime(written: string): TimeExpression {
  const date = `CASE WHEN number IS NULL AND regexp_full_match(${written}, ${sqlText(isoPattern)}) THEN ${isoSeconds(written)} END`
  return { number: textNumber(written), date, rest: restOf(written), empty: isBlank(written) }
}

/** Numbers that doubles hold exactly have none. */
const restOf = (whole: string) =>
  `CASE WHEN abs(number) >= ${exactBelow}
    THEN coalesce(TRY_CAST(TRY_CAST(${whole} AS HUGEINT) - TRY_CAST(number AS HUGEINT) AS SMALLINT), 0) ELSE 0 END`

/** `parseNumber` in SQL. A cast that fails takes long, so what has a colon is not tried. */
const textNumber = (written: string) =>
  `TRY_CAST(CASE WHEN contains(${written}, '_') OR contains(${written}, ':') THEN NULL ELSE ${written} END AS DOUBLE)`

/** `parseIso` in SQL: DuckDB's timestamps pass over an offset, so it is cut off and subtracted where there can be one. */
function isoSeconds(written: string): string {
  const offset = `regexp_extract(${written}, ':[0-9.]+([+-][0-9]{2}:?[0-9]{0,2})$', 1)`
  const bare = `regexp_replace(${written}, '(:[0-9.]+)(Z|[+-][0-9]{2}:?[0-9]{0,2})$', '\\1')`
  const minutes = `(CASE WHEN ${offset} = '' THEN 0 ELSE (${offset}[1] || '1')::INTEGER *
    (${offset}[2:3]::INTEGER * 60 + coalesce(TRY_CAST(replace(${offset}[4:], ':', '') AS INTEGER), 0)) END)`
  return `CASE WHEN strlen(${written}) = 19 AND substring(${written}, 17, 1) = ':' THEN epoch_us(TRY_CAST(${written} AS TIMESTAMP))
    ELSE epoch_us(TRY_CAST(${bare} AS TIMESTAMP)) - ${minutes} * 60000000::BIGINT END / 1e6`
}

/** SQL of a number, null where there is none; and of when something else is there. Undefined where no numbers are. */
export function valueExpression(column: string, type: string): { readonly number: string; readonly odd: string } | undefined {
  const kind = kindOf(type)
  if (kind === 'whole' || kind === 'real' || kind === 'decimal') {
    return { number: `${column}::DOUBLE`, odd: `NOT isfinite(${column}::DOUBLE)` }
  }
  if (kind !== 'text' && kind !== 'json') return undefined
  const written = kind === 'text' ? `${column}::VARCHAR` : `(${column}->>'$')`
  const number = textNumber(written)
  return { number, odd: `CASE WHEN ${number} IS NULL THEN NOT ${isBlank(written)} ELSE NOT isfinite(${number}) END` }
}

/** Whether a text is null or has nothing but spaces; most begin with something that comes after one. */
export const isBlank = (written: string): string =>
  `(CASE WHEN ${written} IS NULL THEN true WHEN ${written} < '!' THEN trim(${written}) = '' ELSE false END)`

const numeric: readonly (Kind | undefined)[] = ['whole', 'real', 'decimal']

/**
 * SQL of a cell of an items or a users table, as a text, a number, or a list of such. Undefined where the column holds none of them.
 * @param own whether it is an id, a title or categories, of which each digit counts
 */
export function cellExpression(column: string, type: string, own: boolean): string | undefined {
  const entry = /^(.*)\[\d*\]$/.exec(type)?.[1]
  const kind = kindOf(entry ?? type)
  const list = entry === undefined ? '' : '[]'
  if (numeric.includes(kind) && !own) return `${column}::DOUBLE${list}`
  if (entry === undefined && own) return idExpression(column, type)?.text
  return kind !== undefined || /^(BOOLEAN|TIME.*)$/.test(entry ?? type) ? `${column}::VARCHAR${list}` : undefined
}
