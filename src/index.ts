/** The public API of foci. */

export type { Artefact } from './artefact/artefact.ts'
export { readArtefact } from './artefact/artefact.ts'
export { loadArtefact } from './artefact/file.ts'
export type { ArtefactSource } from './artefact/source.ts'
export type { ItemRow } from './data/catalogue.ts'
export type { Catalogue, EventRoles, Interactions, TimeUnit } from './data/interactions.ts'
export { type Column, type Columns, columnOf, type NumberColumn, type VectorColumn, type WordsColumn } from './data/table-columns.ts'
export type { Engine } from './engine/engine.ts'
export type { ProfileReport } from './engine/profile.ts'
export { selectEngine } from './engine/select.ts'
export { loadWasm, type WasmOptions } from './engine/wasm.ts'
export { type ErrorCode, FociError } from './errors.ts'
export type { ReportRow } from './evaluate/evaluate.ts'
export { type EvaluateOptions, evaluateArtefact } from './evaluate/evaluate-artefact.ts'
export type { Interval } from './evaluate/statistics.ts'
export { type Counts, counting, type Encoder, retrieving } from './models/adapters.ts'
export { blend } from './models/blend.ts'
export { comirec } from './models/comirec.ts'
export type {
  Batch,
  Best,
  Candidates,
  Histories,
  Interests,
  Learner,
  Loss,
  Masks,
  Model,
  ModelContext,
  Needs,
  Requests,
} from './models/contracts.ts'
export { choice, defineModel, integer, type ModelDefinition, type ModelSpec, number } from './models/define.ts'
export { din } from './models/din.ts'
export { type Feature, itemFeature, type NumberFeature, userFeature, type VectorFeature, type WordsFeature } from './models/features.ts'
export { markov } from './models/markov.ts'
export { miSa } from './models/mi-sa.ts'
export { pipeline } from './models/pipeline.ts'
export { popularity } from './models/popularity.ts'
export { sasrec } from './models/sasrec.ts'
export { type ReadOptions, readInteractions, type TableRow, type UserRow } from './read/read.ts'
export type { ItemsColumns, UsersColumns } from './read/tables/table-fields.ts'
export type { LoadOptions } from './recommend/load-options.ts'
export { Recommender } from './recommend/recommender.ts'
export type {
  Event,
  Filter,
  Id,
  InterestSummary,
  ListOptions,
  Moment,
  RankingRequest,
  Reason,
  Recommendations,
  Recommended,
  Request,
  UserRequest,
  Whom,
} from './recommend/request.ts'
export { sampleWorld, writeSample } from './sample/sample.ts'
export { amounts, finite, indices, type Kind, offsets, shares } from './tensor/kinds.ts'
export type { Table } from './tensor/table.ts'
export { scope, Tensor, Variable } from './tensor/tensor.ts'
export type { Variables } from './tensor/variables.ts'
export type { EpochReport, FinalEpochReport, StepReport, TrainOptions } from './train/settings.ts'
export { type Run, train } from './train/train.ts'
