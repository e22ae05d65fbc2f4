import { shown } from '../data/options.ts'
import { FociError } from '../errors.ts'

const units = { K: 1, M: 2, G: 3, T: 4 } as const

/**
 * The bytes that a text such as `512MB` or `1.5 GiB` names.
 * @throws FociError OPTION
 */
export function bytesOf(memory: string): number {
  const [, number, unit, binary] = typeof memory !== 'string' ? [] : (/^(\d+(?:\.\d+)?) *([KMGT])(i?)B$/.exec(memory) ?? [])
  if (number !== undefined) return Number(number) * (binary === 'i' ? 1024 : 1000) ** units[unit as keyof typeof units]
  throw new FociError('OPTION', `memory is ${shown(memory)}, which is no amount`, 'Give one such as 512MB or 4GB.')
}

/** What may be held in memory, and what is. */
export class Budget {
  private held = 0
  private readonly limit: number
  private readonly memory: string | undefined

  /**
   * @param memory such as `512MB`; without end where absent
   * @param share of it
   */
  constructor(memory: string | undefined, share = 1) {
    this.limit = memory === undefined ? Number.POSITIVE_INFINITY : share * bytesOf(memory)
    this.memory = memory
  }

  /** Bytes that may be held yet. */
  get left(): number {
    return this.limit - this.held
  }

  /** @throws FociError MEMORY where it would be more than may be held */
  hold(bytes: number): void {
    if (bytes > this.left)
      throw new FociError('MEMORY', `the rows take more memory than ${this.memory} allow`, 'Let it hold more: the option memory.')
    this.held += bytes
  }
}

/** What DuckDB may hold of the memory that a Parquet log may take; the rest is for its rows. */
export const duckShare = 0.5
