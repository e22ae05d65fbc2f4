import { type Artefact, readArtefact } from '../artefact/artefact.ts'
import { catalogueOf } from '../data/catalogue.ts'
import { history, seenItems } from '../data/history.ts'
import type { Catalogue, Interactions } from '../data/interactions.ts'
import type { Engine } from '../engine/engine.ts'
import { selectEngine } from '../engine/select.ts'
import { FociError } from '../errors.ts'
import { leaveOneOut } from '../explain/leave-one-out.ts'
import type { Model } from '../models/contracts.ts'
import type { ModelDefinition } from '../models/define.ts'
import { normalize } from '../ops/normalize.ts'
import { scope, Tensor } from '../tensor/tensor.ts'
import type { Variables } from '../tensor/variables.ts'
import { Bits } from './bits.ts'
import { buildModel } from './build.ts'
import { type Alike, alikeBy, diversify } from './diversity.ts'
import { type Lists, popularList, present, type Ranked, rankItems } from './ranking.ts'
import { Filter, type Reason, type Recommendations, type Recommended, type Request, type Whom } from './request.ts'

export interface LoadOptions {
  /** Lets requests name a user of this log instead of a history. */
  readonly log?: Interactions
  /** The engine to run on; the best that loads where absent. */
  readonly engine?: Engine
  /** Definitions of models that are not foci's own. */
  readonly models?: readonly ModelDefinition[]
}

/** Reasons shown for an item. */
const REASONS = 3

/** What an engine holds for a recommender. */
interface Held {
  readonly engine: Engine
  readonly variables: Variables
  normalized?: Tensor
}

/** The net below recommenders that were never disposed; an engine that was lost has nothing left to give back. */
const abandoned = new FinalizationRegistry<Held>((held) => {
  try {
    giveBack(held)
  } catch {}
})

function giveBack({ engine, variables, normalized }: Held): void {
  if (normalized) engine.release(normalized.id)
  variables[Symbol.dispose]()
}

/** Serves an artefact. Synchronous once loaded; its weights are shared by all recommenders of the process. */
export class Recommender {
  readonly catalogue: Catalogue
  private readonly engine: Engine
  private readonly model: Model
  private readonly held: Held
  private readonly artefact: Artefact
  private readonly log: Interactions | undefined
  private readonly trained: Bits
  private users: ReadonlyMap<string, number> | undefined
  private alike: Alike | undefined
  private disposed = false

  private constructor(artefact: Artefact, engine: Engine, { log, models }: LoadOptions) {
    this.artefact = artefact
    this.engine = engine
    this.log = log
    const { ids, titles, categories } = artefact.catalogue
    this.catalogue = catalogueOf(ids, titles, categories)
    const { model, variables } = buildModel(engine, artefact, models)
    this.model = model
    this.held = { engine, variables }
    this.trained = Bits.of(this.catalogue.size, artefact.popular)
    abandoned.register(this, this.held, this)
  }

  /**
   * @param source path of an artefact, or its bytes
   * @throws FociError FILE, ARTEFACT, ENGINE_MISSING
   */
  static async load(source: string | Uint8Array, options: LoadOptions = {}): Promise<Recommender> {
    const artefact =
      typeof source === 'string' ? await (await import('../artefact/file.ts')).loadArtefact(source) : await readArtefact(source)
    return new Recommender(artefact, options.engine ?? (await selectEngine()), options)
  }

  /** Which engine serves it. */
  get engineName(): Engine['name'] {
    return this.engine.name
  }

  /** The items allowed by a predicate, for `recommend`; evaluated here, once an item. */
  filter(predicate: (item: string) => boolean): Filter {
    const allowed = this.catalogue.ids.flatMap((id, index) => (predicate(id) ? [index] : []))
    return new Filter(this.artefact.hash, Bits.of(this.catalogue.size, allowed))
  }

  /**
   * The k best items for a user; where the model knows fewer, popular items follow.
   * @throws FociError OPTION, UNKNOWN (a user that the log lacks), NEED (diversity without categories)
   */
  recommend(request: Request): Recommendations {
    this.checkOpen()
    const k = checkCount(request.k ?? 10)
    const { history, seen, unknown } = this.historyOf(request)
    const left = this.leftOut(seen, request)
    const allowed = request.filter ? this.trained.and(this.bitsOf(request.filter)) : this.trained
    const choose = this.chooser(k, request.diversity ?? 0)
    const ranked = history.length > 0 ? choose((count) => this.rank(history, count, left, allowed)) : undefined
    const items = ranked ? this.described(ranked, history, request.explain ?? false) : []
    return { items: [...items, ...this.popular(k - items.length, items, left, allowed)], unknown, model: this.artefact.parts[0].model }
  }

  /** The user's interest vectors, each [D]; none for an empty history. */
  interests(whom: Whom): Float32Array[] {
    this.checkOpen()
    const { model, engine } = this
    if (model.kind === 'scorer') throw this.without('interest vectors')
    const { history } = this.historyOf(whom)
    const { values: events, offsets } = single(recent(history, model))
    return scope(engine, () => {
      const histories = { items: Tensor.int32(engine, events), offsets: Tensor.int32(engine, offsets) }
      const { vectors } = model.encode(histories, {})
      const [count, dim] = vectors.shape
      const values = vectors.float32()
      return Array.from({ length: count }, (_, i) => values.slice(i * dim, (i + 1) * dim))
    })
  }

  /**
   * The items nearest to an item: by the cosine of their vectors, or by the model's scores after that item alone.
   * @throws FociError UNKNOWN
   */
  similarItems(item: string, { k = 10 }: { k?: number } = {}): { item: string; score: number }[] {
    this.checkOpen()
    const index = this.catalogue.indexOf(item)
    if (index < 0) throw new FociError('UNKNOWN', `There is no item "${item}" in this artefact.`, 'Item ids are case-sensitive strings.')
    const own = Int32Array.of(index)
    const found = this.model.kind === 'scorer' ? this.rank(own, checkCount(k), own, this.trained) : this.nearest(index, checkCount(k))
    return Array.from(present(found.items), (i, place) => ({ item: this.catalogue.ids[i], score: found.scores[place] }))
  }

  [Symbol.dispose](): void {
    if (this.disposed) return
    this.disposed = true
    abandoned.unregister(this)
    giveBack(this.held)
  }

  /** How k items are chosen from rankings of any length. */
  private chooser(k: number, diversity: number): (rank: (count: number) => Ranked) => Ranked {
    if (!(Number.isFinite(diversity) && diversity >= 0))
      throw new FociError('OPTION', `diversity is ${diversity}.`, 'It is a number from 0.')
    if (diversity === 0) return (rank) => rank(k)
    this.alike ??= alikeBy(this.catalogue.categories)
    const { alike } = this
    return (rank) => diversify(rank, k, diversity, alike)
  }

  private described(ranked: Ranked, history: Int32Array, explain: boolean): Recommended[] {
    const items = present(ranked.items)
    const reasons = explain && items.length > 0 ? this.reasons(history, items) : undefined
    return Array.from(items, (item, place) => ({
      item: this.catalogue.ids[item],
      score: ranked.scores[place],
      interest: ranked.interests[place],
      source: 'model',
      ...(reasons && { because: reasons[place] }),
    }))
  }

  private rank(history: Int32Array, k: number, left: Int32Array, allowed: Bits): Ranked {
    return rankItems(this.engine, this.model, {
      histories: single(recent(history, this.model)),
      k: Math.min(k, this.catalogue.size),
      seen: single(left),
      allowed: allowed.words,
    })
  }

  private popular(count: number, chosen: readonly Recommended[], left: Int32Array, allowed: Bits): Recommended[] {
    const taken = new Set([...left, ...chosen.map(({ item }) => this.catalogue.indexOf(item))])
    const more = popularList(this.artefact.popular, count, (index) => !taken.has(index) && allowed.has(index))
    return more.map((index) => ({ item: this.catalogue.ids[index], score: 0, interest: -1, source: 'popular' }))
  }

  private reasons(history: Int32Array, items: Int32Array): Reason[][] {
    const events = recent(history, this.model)
    const differences = leaveOneOut(this.engine, this.model, events, items, this.catalogue.size) // [events, C]
    return Array.from(items, (_, c) => {
      const losses = Array.from(events, (event, t) => ({ item: this.catalogue.ids[event], share: differences[t * items.length + c] }))
      const total = losses.reduce((sum, { share }) => sum + Math.abs(share), 0) || 1
      const sorted = losses.sort((a, b) => Math.abs(b.share) - Math.abs(a.share)).slice(0, REASONS)
      return sorted.map(({ item, share }) => ({ item, share: share / total }))
    })
  }

  private nearest(index: number, k: number) {
    const { engine, model } = this
    if (model.kind === 'scorer') throw this.without('item vectors')
    this.held.normalized ??= this.normalizedItems(model.items())
    const table = this.held.normalized
    return scope(engine, () => {
      const vector = engine.gather(table.id, engine.fromInt32(Int32Array.of(index), Uint32Array.of(1)))
      const list = (values: Int32Array) => engine.fromInt32(values, Uint32Array.of(values.length))
      const own = list(Int32Array.of(index))
      const bounds = list(Int32Array.of(0, 1))
      const results = engine.topK(vector, bounds, table.id, Math.min(k, this.catalogue.size), own, bounds, list(this.trained.words))
      return { items: engine.readInt32(results[0]), scores: engine.readFloat32(results[1]) }
    })
  }

  private normalizedItems(items: Tensor): Tensor {
    const { engine } = this
    const name = 'normalized items'
    const held = engine.frozen(this.artefact.hash, name)
    if (held) return new Tensor(engine, held)
    const data = scope(engine, () => normalize(items).float32())
    return new Tensor(engine, engine.freeze(this.artefact.hash, name, data, Uint32Array.from(items.shape)))
  }

  private historyOf(whom: Whom): { history: Int32Array; seen: Int32Array; unknown: string[] } {
    if (whom.user !== undefined) return { ...this.logged(whom.user), unknown: [] }
    const ids = whom.history.map((event) => (typeof event === 'string' ? event : event.item))
    const indices = ids.map((id) => this.catalogue.indexOf(id))
    const history = Int32Array.from(indices.filter((index) => index >= 0))
    const seen = this.artefact.roles.seen === 'none' ? new Int32Array() : history
    return { history, seen, unknown: ids.filter((_, i) => indices[i] < 0) }
  }

  /** A user's history and seen items, by the roles that the model was trained with. */
  private logged(user: string): { history: Int32Array; seen: Int32Array } {
    if (!this.log) throw new FociError('OPTION', `"${user}" cannot be looked up without a log.`, 'Load with { log }, or give a history.')
    const log = { ...this.log, roles: this.artefact.roles }
    this.users ??= new Map(log.users.map((id, index) => [id, index]))
    const index = this.users.get(user)
    if (index === undefined) throw new FociError('UNKNOWN', `The log has no user "${user}".`, 'User ids are case-sensitive strings.')
    const known = (items: Int32Array): Int32Array =>
      items.map((item) => this.catalogue.indexOf(log.catalogue.ids[item])).filter((item) => item >= 0)
    return { history: known(history(log, index).items), seen: known(seenItems(log, index)) }
  }

  private leftOut(own: Int32Array, { seen = [], exclude = [] }: Request): Int32Array {
    const more = [...seen, ...exclude].map((id) => this.catalogue.indexOf(id)).filter((index) => index >= 0)
    return Int32Array.from(new Set([...own, ...more]))
  }

  private bitsOf({ artefact, bits }: Filter): Bits {
    if (artefact === this.artefact.hash) return bits
    throw new FociError('OPTION', 'The filter was made by a recommender of another artefact.', 'Make it again with this one.')
  }

  private without(what: string): FociError {
    return new FociError(
      'NEED',
      `The model ${this.artefact.parts[0].model} has no ${what}.`,
      'Train a model that learns vectors, such as sasrec.',
    )
  }

  private checkOpen(): void {
    if (this.disposed) throw new FociError('TENSOR_FREED', 'This recommender was disposed.', 'Load it again.')
  }
}

function checkCount(k: number): number {
  if (Number.isInteger(k) && k >= 1) return k
  throw new FociError('OPTION', `k is ${k}.`, 'It is a whole number from 1.')
}

const single = (values: Int32Array): Lists => ({ values, offsets: Int32Array.of(0, values.length) })

const recent = (history: Int32Array, model: Model): Int32Array => (model.kind === 'encoder' ? history.slice(-model.maxLength) : history)
