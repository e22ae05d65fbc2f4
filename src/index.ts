/** The public API of foci. */

export type { Artefact } from './artefact/artefact.ts'
export { readArtefact } from './artefact/artefact.ts'
export { loadArtefact } from './artefact/file.ts'
export type { Catalogue, EventRoles, Interactions, TimeUnit } from './data/interactions.ts'
export { type ReadOptions, readInteractions } from './data/read.ts'
export { sampleWorld, writeSample } from './data/sample.ts'
export { type ErrorCode, FociError } from './errors.ts'
export { type EvaluateOptions, evaluateArtefact } from './evaluate/artefact.ts'
export type { ReportRow } from './evaluate/evaluate.ts'
export type { Interval } from './evaluate/statistics.ts'
export { markov } from './models/markov.ts'
export { popularity } from './models/popularity.ts'
export { sasrec } from './models/sasrec.ts'
export {
  type Event,
  Filter,
  type LoadOptions,
  type Reason,
  type Recommendations,
  type Recommended,
  Recommender,
  type Request,
  type Whom,
} from './recommend/recommender.ts'
export type { EpochReport, StepReport, TrainOptions } from './train/options.ts'
export { type Run, train } from './train/train.ts'
