import type { TimeUnit } from '../../data/interactions.ts'
import type { Fault } from '../check.ts'
import type { Gathered } from '../gathered.ts'

/** A log's rows as a file has them. */
export interface Source {
  readonly gathered: Gathered
  /** What stands in the file beside rows, by reason. */
  readonly broken: Readonly<Record<string, number>>
  /** The error of the first row with a fault, or of what is no row where that comes before it. */
  firstFault(first: Fault | undefined, unit: TimeUnit): Promise<Error>
}
