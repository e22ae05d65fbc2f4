import { attend } from './attend.ts'
import { candidates } from './candidates.ts'
import type { Cases } from './cases.ts'
import { columns } from './columns.ts'
import { descent } from './descent.ts'
import { recent } from './recent.ts'
import { recurrences } from './recurrences.ts'
import { segments } from './segments.ts'

/** The topics whose cases stand in one file each. */
export const topics: readonly Cases[] = [columns, segments, candidates, attend, recurrences, recent, descent]
