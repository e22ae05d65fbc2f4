import { totalmem } from 'node:os'
import { resolve } from 'node:path'
import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api'
import type bindings from '@duckdb/node-bindings'
import { FociError } from '../../errors.ts'

type Bindings = typeof bindings

/** One DuckDB in memory, there from the first query on and gone when the work is done. */
export interface Session {
  /** Runs a query whose result is small. */
  rows(sql: string): Promise<unknown[][]>
  /** Runs a query to its end and gives its rows in their order, as values of JavaScript, a few at a time. */
  batches(sql: string): AsyncGenerator<unknown[][]>
  /** Runs a query and gives its rows in their order, a few at a time. */
  stream(sql: string): AsyncGenerator<Chunk>
}

export interface DuckDBOptions {
  /** Bytes that DuckDB may hold; half of the machine up to 4 GB where absent. */
  readonly memory?: number
  /** As many as the machine has where absent. */
  readonly threads?: number
}

export async function withDuckDB<T>({ memory, threads }: DuckDBOptions, work: (session: Session) => Promise<T>): Promise<T> {
  let opened: Promise<Opened> | undefined
  const open = () => {
    opened ??= openDuckDB(memory, threads)
    return opened
  }
  try {
    return await work({
      rows: async (sql) => (await (await open()).connection.runAndReadAll(sql)).getRowsJS(),
      async *batches(sql) {
        yield* (await (await open()).connection.run(sql)).yieldRowsJs()
      },
      async *stream(sql) {
        yield* streamOf(await open(), sql)
      },
    })
  } catch (cause) {
    throw explained(cause)
  } finally {
    await opened?.then(
      ({ close }) => close(),
      () => {}, // who asked for it has heard of it
    )
  }
}

interface Opened {
  readonly connection: DuckDBConnection
  readonly bindings: Bindings
  close(): void
}

async function openDuckDB(memory: number | undefined, threads: number | undefined): Promise<Opened> {
  const { DuckDBInstance, bindings } = await loadDuckDB()
  const limit = `${Math.floor((memory ?? Math.min(totalmem() / 2, 4 * 2 ** 30)) / 1024)}KiB`
  const settings = { memory_limit: limit, temp_directory: '', ...(threads !== undefined && { threads: String(threads) }) }
  const instance = await DuckDBInstance.create(':memory:', settings)
  try {
    const connection = await instance.connect()
    const close = () => {
      connection.closeSync()
      instance.closeSync()
    }
    return { connection, bindings, close }
  } catch (cause) {
    instance.closeSync()
    throw cause
  }
}

/** DuckDB's lack of memory as a FociError; other errors as they are. */
function explained(cause: unknown): unknown {
  if (cause instanceof FociError || !isOutOfMemory(cause)) return cause
  const [first] = String(cause instanceof Error ? cause.message : cause).split('\n')
  return new FociError('MEMORY', `DuckDB: ${first}`, 'Let it hold more: the option memory.', { cause })
}

export const isOutOfMemory = (cause: unknown): boolean => /out of memory/i.test(String(cause))

async function* streamOf({ connection, bindings }: Opened, sql: string): AsyncGenerator<Chunk> {
  await connection.run(`SET streaming_buffer_size = '${readAhead}'`)
  const result = await connection.stream(`SELECT *, false AS ${endColumn} FROM (${sql}) UNION ALL BY NAME SELECT true AS ${endColumn}`)
  const fetch = () => {
    const chunk = result.fetchChunk()
    chunk.catch(() => {}) // who awaits it hears of it
    return chunk
  }
  let next = fetch()
  try {
    for (let ended = false; !ended; ) {
      const fetched = await next
      if (fetched === null || fetched.rowCount === 0) throw await failureOf(connection, sql)
      const chunk = new Chunk(fetched, bindings, result.columnCount - 1)
      ended = chunk.ends
      next = fetch() // DuckDB reads on while this chunk is used, and ends the query after the last
      if (chunk.rows > 0) yield chunk
    }
  } finally {
    await next.catch(() => {}) // the connection must not close under it
  }
}

/** A chunk at a time: with the megabyte of the default, DuckDB reads a score of chunks while nobody uses one, then none while all are used. */
const readAhead = '1KiB'

/** True in a row after all others: where DuckDB fails on its way, its stream just ends. */
const endColumn = 'foci_end'

/** What a stream that ended too early failed of: the query again, with its rows summed up. */
async function failureOf(connection: DuckDBConnection, sql: string): Promise<unknown> {
  try {
    await connection.run(`SELECT bit_xor(hash(rows)) FROM (${sql}) AS rows`)
    return new Error('DuckDB stopped before the last row')
  } catch (cause) {
    return cause
  }
}

/** DuckDB's vectors have no more. */
export const chunkRows = 2048
const textBytes = 16

/** Up to `chunkRows` rows as DuckDB lays them out, without nulls. What it gives is valid until the next chunk is asked for. */
export class Chunk {
  readonly rows: number
  /** Whether no rows come after these. */
  readonly ends: boolean
  private readonly chunk: DuckDBDataChunk
  private readonly bindings: Bindings

  /** @param endColumn where a row after all others, which is none of `rows`, is true */
  constructor(chunk: DuckDBDataChunk, bindings: Bindings, endColumn: number) {
    this.chunk = chunk
    this.bindings = bindings
    const { rowCount } = chunk
    const vector = bindings.data_chunk_get_vector(chunk.chunk, endColumn)
    this.ends = bindings.vector_get_data(vector, rowCount)[rowCount - 1] === 1
    this.rows = this.ends ? rowCount - 1 : rowCount
  }

  /** A column of INTEGER. */
  ints(column: number): Int32Array {
    return this.words(column, 1)
  }

  /** A column of DOUBLE. */
  doubles(column: number): Float64Array {
    const { buffer, byteOffset } = this.data(column, 8)
    return new Float64Array(buffer, byteOffset, this.rows)
  }

  /**
   * A column of VARCHAR, four words a row: the length in bytes, then the text in UTF-8 followed by zeros; of a text of
   * more than 12 bytes, its first four and a pointer.
   */
  texts(column: number): Int32Array {
    return this.words(column, textBytes / 4)
  }

  /** What lies in memory from where a row's text of more than 12 bytes begins. The caller answers for the count. */
  bytesAt(column: number, row: number, count: number): Uint8Array {
    const { buffer, byteOffset } = this.data(column, textBytes)
    return this.bindings.get_data_from_pointer(buffer, byteOffset + row * textBytes + 8, count)
  }

  private words(column: number, perRow: number): Int32Array {
    const { buffer, byteOffset } = this.data(column, 4 * perRow)
    return new Int32Array(buffer, byteOffset, this.rows * perRow)
  }

  private data(column: number, bytesPerRow: number): Uint8Array<ArrayBuffer> {
    const vector = this.bindings.data_chunk_get_vector(this.chunk.chunk, column)
    return this.bindings.vector_get_data(vector, this.rows * bytesPerRow) as Uint8Array<ArrayBuffer>
  }
}

async function loadDuckDB() {
  try {
    const [{ DuckDBInstance }, { default: bindings }] = await Promise.all([import('@duckdb/node-api'), import('@duckdb/node-bindings')])
    return { DuckDBInstance, bindings }
  } catch (cause) {
    throw new FociError(
      'FILE',
      'files are read by DuckDB, and @duckdb/node-api could not be loaded',
      'Install it (npm install @duckdb/node-api), or give the rows in memory.',
      { cause },
    )
  }
}

export const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** The path as an SQL text; DuckDB would expand `*`, `?` and `[` in it. */
export const sqlPath = (path: string): string => sqlText(resolve(path).replace(/[*?[]/g, '[$&]'))
