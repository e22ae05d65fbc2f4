import { shown } from '../data/options.ts'
import { FociError } from '../errors.ts'

export const optimisers = ['adam', 'adamw', 'sgd', 'adagrad'] as const
export const schedules = ['constant', 'plateau', 'halving', 'cosine'] as const

/** What a run is judged by on its validation part: a metric of lists and their length, or one of labelled candidates. */
export type Judge = `${'ndcg' | 'hr' | 'mrr' | 'recall'}@${number}` | 'auc' | 'gauc' | 'logloss'

/** How a model that takes steps is trained, where nobody says otherwise: its file has its paper's way. */
export interface Training {
  /** At most this many passes over the training rows. */
  readonly epochs: number
  /** Stops after this many epochs without a better validation. */
  readonly patience: number
  /** Users in a step. */
  readonly batch: number
  readonly optimiser: (typeof optimisers)[number]
  readonly learningRate: number
  /** Decoupled from the gradient, as AdamW has it; `adamw` is `adam` with .01 where nothing is said. */
  readonly weightDecay: number
  /** Global norm that gradients are clipped to; 0: not clipped. */
  readonly clip: number
  /**
   * Of the learning rate: `constant`; `plateau`, times √.1 whenever half of the patience has passed without a better validation;
   * `halving` after each epoch; `cosine`, down to nothing at the last epoch.
   */
  readonly schedule: (typeof schedules)[number]
  /** Epochs over which the learning rate rises from nothing. */
  readonly warmup: number
  readonly judge: Judge
}

export const trainingDefaults: Training = {
  ...{ epochs: 100, patience: 10, batch: 128 },
  ...{ optimiser: 'adam', learningRate: 1e-3, weightDecay: 0, clip: 0, schedule: 'constant', warmup: 0, judge: 'ndcg@10' },
}

/** Whether it judges labelled candidates, not lists. */
export const judgesLabels = (judge: Judge): judge is 'auc' | 'gauc' | 'logloss' => !judge.includes('@')

/** What is the higher, the better. */
export const scoreOf = (judge: Judge, value: number): number => (judge === 'logloss' ? -value : value)

/** A metric of lists, and how long they are. */
export function listJudge(judge: Judge): { readonly metric: 'ndcg' | 'hr' | 'mrr' | 'recall'; readonly k: number } {
  const [metric, k] = judge.split('@')
  return { metric: metric as 'ndcg', k: Number(k) }
}

export const JUDGES = /^((ndcg|hr|mrr|recall)@[1-9]\d{0,3}|auc|gauc|logloss)$/

/**
 * Training settings, each checked.
 * @param what says in errors whose setting it is, from its name
 * @throws FociError OPTION
 */
export function checkTraining(settings: Training, what: (name: string) => string): void {
  const refused = (name: keyof Training, expected: string) =>
    new FociError('OPTION', `${what(name)} is ${shown(settings[name])}.`, `It is ${expected}.`)
  for (const name of ['epochs', 'patience', 'batch'] as const) {
    const value = settings[name]
    if (!Number.isInteger(value) || value < 1 || value > 0xffffffff) throw refused(name, 'a whole number from 1 to 4294967295')
  }
  for (const name of ['learningRate', 'weightDecay', 'clip', 'warmup'] as const) {
    if (!(Number.isFinite(settings[name]) && settings[name] >= 0)) throw refused(name, 'a number from 0')
  }
  const oneOf = (names: readonly string[]) => `one of ${names.join(', ')}`
  if (!optimisers.includes(settings.optimiser)) throw refused('optimiser', oneOf(optimisers))
  if (!schedules.includes(settings.schedule)) throw refused('schedule', oneOf(schedules))
  if (!JUDGES.test(settings.judge)) throw refused('judge', 'ndcg, hr, mrr or recall with a length, such as ndcg@10, or auc, gauc, logloss')
}

/** A model's training settings, and what is given in their place; `adamw` decays by .01 where neither says. */
export function settledTraining(own: Training, given: Partial<Training>): Training {
  const weightDecay = given.weightDecay ?? (given.optimiser === 'adamw' && own.weightDecay === 0 ? 0.01 : own.weightDecay)
  return { ...own, ...given, weightDecay }
}

/** Those of a model that another is made of. @param given asked for in the place of its file's */
export function trainingOfPart(
  { definition, training }: { readonly definition: { readonly training: Training }; readonly training?: Partial<Training> },
  given: Partial<Training> = {},
): Training {
  return settledTraining(definition.training, { ...training, ...given })
}

/** The training settings among others. */
export const trainingOf = (settings: Training): Training =>
  Object.fromEntries(Object.keys(trainingDefaults).map((name) => [name, settings[name as keyof Training]])) as unknown as Training
