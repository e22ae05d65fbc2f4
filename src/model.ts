/** What an author of models needs: the contract, options, layers, operations, losses, examples and initial values. */

export type { Interactions } from './data/interactions.ts'
export { type Draw, integers, seedOf } from './data/random.ts'
export type { Column, Columns, Described } from './data/table-columns.ts'
export type { ExampleSet, Examples } from './examples/examples.ts'
export { type Labelling, labelled } from './examples/labelled.ts'
export { maskedSlots } from './examples/masked.ts'
export { next } from './examples/next.ts'
export { prefixes } from './examples/prefixes.ts'
export { streams } from './examples/streams.ts'
export { bce, gbce, gbceBeta } from './losses/bce.ts'
export { bpr } from './losses/bpr.ts'
export { crossEntropy } from './losses/cross-entropy.ts'
export { maxCrossEntropy } from './losses/max-cross-entropy.ts'
export { maxSampledSoftmax } from './losses/max-sampled-softmax.ts'
export { totalWeight } from './losses/mean.ts'
export { rowSampledSoftmax, sampledSoftmax } from './losses/sampled-softmax.ts'
export { squaredError } from './losses/squared-error.ts'
export { type Counts, counting, type Encoder, retrieving } from './models/adapters.ts'
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
export {
  choice,
  defineComposite,
  defineModel,
  integer,
  type ModelDefinition,
  type ModelSpec,
  number,
} from './models/define.ts'
export { type Feature, featureOf, itemFeature, userFeature } from './models/features.ts'
export type { Judge, Training } from './models/training.ts'
export { Attention } from './nn/attention.ts'
export { Dice } from './nn/dice.ts'
export { Dropout } from './nn/dropout.ts'
export { Embedding } from './nn/embedding.ts'
export { LayerNorm } from './nn/layer-norm.ts'
export { Linear } from './nn/linear.ts'
export { gelu, logSigmoid, relu, sigmoid, silu, softplus, tanh } from './ops/activation.ts'
export { dice, type Moments } from './ops/dice.ts'
export { add, multiply, scale, subtract } from './ops/elementwise.ts'
export { chosenInterests } from './ops/interests.ts'
export { layerNorm } from './ops/layer-norm.ts'
export { normalize } from './ops/normalize.ts'
export { type PairLinear, type PairPlaces, pairLinear, pairMix, pairs } from './ops/pairs.ts'
export { prefixMix } from './ops/prefix-mix.ts'
export { inner, linear } from './ops/product.ts'
export { addRow, mean, multiplyRow, sum, sumRows } from './ops/reduce.ts'
export { concat, narrow, reshape, rowDot, scaleRows } from './ops/rows.ts'
export {
  lastRows,
  positions,
  present,
  recentRows,
  repeatOffsets,
  segmentIds,
  segmentMean,
  segmentMix,
  segmentSoftmax,
  segmentSum,
  sinceFirst,
  take,
} from './ops/segments.ts'
export { pairBest, topKCandidates } from './ops/selection.ts'
export { softmax } from './ops/softmax.ts'
export { gather, gatherOrNone } from './ops/table.ts'
export type { Split } from './split/split.ts'
export { glorot, type Init, normal, ones, zeros } from './tensor/init.ts'
export { amounts, finite, indices, type Kind, offsets, shares } from './tensor/kinds.ts'
export { scope, Tensor, Variable } from './tensor/tensor.ts'
export type { Variables } from './tensor/variables.ts'
