import type { Artefact } from '../artefact/artefact.ts'
import { type ArtefactSource, artefactOf } from '../artefact/source.ts'
import type { Catalogue, Interactions } from '../data/interactions.ts'
import { checkOptions, shown } from '../data/options.ts'
import type { Engine } from '../engine/engine.ts'
import { selectEngine } from '../engine/select.ts'
import { FociError } from '../errors.ts'
import { sharesOf } from '../explain/shares.ts'
import type { Model } from '../models/contracts.ts'
import { type Columns, pack } from '../models/pack.ts'
import { definitions } from '../models/registry.ts'
import { firstNonFinite } from '../tensor/kinds.ts'
import { scope } from '../tensor/tensor.ts'
import { aboutInterests } from './about.ts'
import { Bits } from './bits.ts'
import { buildModel } from './build.ts'
import { normalizedItems } from './derived.ts'
import { type Alike, alikeBy, diversify } from './diversity.ts'
import { checkCount, idOf, isList, type Listing, readListing, readRanking, readRequest, readUser } from './door.ts'
import { abandoned, Held } from './held.ts'
import { checkLoading, type LoadOptions } from './load-options.ts'
import { Asked, Lookup } from './lookup.ts'
import { type Batches, inPlace, ofRequests, ofUsers, type Plan, type RankedStream, rankMany, type Source } from './many.ts'
import { fillUp, present, type Ranked, type RankRequest, rankItems, scoreItems, sourcesOf, usersAtOnce } from './ranking.ts'
import type { Id, InterestSummary, Moment, RankingRequest, Request, UserRequest, Whom } from './request.ts'
import { Filter, type ListOptions, type Reason, type Recommendations, type Recommended } from './request.ts'
import { type Served, servedBy } from './served.ts'
import { nearestItems } from './similar.ts'

/** Reasons shown for an item. */
const REASONS = 3

/** Serves an artefact. Synchronous once loaded; its weights are shared by all recommenders of the process. */
export class Recommender {
  readonly catalogue: Catalogue
  private readonly engine: Engine
  private readonly served: Served
  private readonly held: Held
  private readonly artefact: Artefact
  private readonly lookup: Lookup
  /** Where the next request is read to. */
  private idle: Asked | undefined
  private readonly quantized: boolean
  /** Whether the model is one of foci's own, which other threads can build. */
  private readonly own: boolean
  private alike: Alike | undefined

  private constructor(artefact: Artefact, engine: Engine, { log, models, table = 'int8' }: LoadOptions) {
    this.artefact = artefact
    this.engine = engine
    this.quantized = table === 'int8'
    const built = buildModel(engine, artefact, { models, quantized: this.quantized })
    this.served = servedBy(engine, artefact, built)
    this.catalogue = this.served.catalogue
    this.held = new Held(engine, built.variables)
    this.lookup = new Lookup(this.served, log)
    const given = models?.find(({ name }) => name === artefact.parts[0].model)
    this.own = given === undefined || definitions.includes(given)
    abandoned.register(this, this.held, this)
  }

  /**
   * @param source path or file URL of an artefact, its bytes, or what was read from them
   * @throws FociError FILE, ARTEFACT, ENGINE_MISSING, OPTION
   */
  static async load(source: ArtefactSource, options: LoadOptions = {}): Promise<Recommender> {
    checkLoading(options)
    const recommender = new Recommender(await artefactOf(source), options.engine ?? (await selectEngine()), options)
    const { engine, served, held } = recommender
    if (engine.name === 'native' && served.model.best) {
      const { Programs } = await import('./recorded.ts')
      held.programs = new Programs(engine, served)
    }
    return recommender
  }

  /** Which engine serves it. */
  get engineName(): Engine['name'] {
    return this.engine.name
  }

  /** The items allowed by a predicate, for `recommend`; evaluated here, once an item. */
  filter(predicate: (item: string) => boolean): Filter {
    if (typeof predicate !== 'function')
      throw new FociError('OPTION', `The predicate is ${shown(predicate)}.`, 'It is a function of an item id.')
    const allowed = this.catalogue.ids.flatMap((id, index) => (answerOf(predicate, id) ? [index] : []))
    return new Filter(this.artefact.hash, Bits.of(this.catalogue.size, allowed))
  }

  /**
   * The k best items for a user; where the model knows fewer, popular items follow.
   * @throws FociError OPTION, UNKNOWN (a user that the log lacks), NEED (diversity without categories)
   */
  recommend(request: Request): Recommendations {
    this.checkOpen()
    const { whom, list, diversity, explain } = readRequest(request)
    const { k, allowed } = this.resolve(list)
    const choose = this.chooser(k, diversity)
    return this.asking(whom, (own) => {
      const lists = own.view()
      const ranked = choose((count) => this.search({ ...lists, k: count, allowed: allowed.mask }))
      fillUp(ranked, lists, allowed, this.artefact.popular)
      const reasons = explain ? this.reasons(lists.columns, ranked) : []
      return this.answer(ranked, 0, k, own.unknown.get(0), reasons)
    })
  }

  /**
   * Given items, the best for a user first; equal ones in the order of the catalogue. Nothing is filtered, and what the
   * artefact does not know is in `unknown`. For a user of whom nothing is known they come by popularity.
   * @throws FociError OPTION, UNKNOWN (a user that the log lacks), NEED, NON_FINITE
   */
  rank(request: RankingRequest): Recommendations {
    this.checkOpen()
    const { whom, items } = readRanking(request)
    const ids = Array.from(items, (id) => idOf(id, 'An item of items'))
    const known = Int32Array.from(new Set(ids.map((id) => this.catalogue.indexOf(id)).filter((item) => item >= 0)))
    const strange = ids.filter((id) => this.catalogue.indexOf(id) < 0)
    return this.asking(whom, (asked) => {
      const { columns } = asked.view()
      const ranked = columns.items.length > 0 ? this.scored(columns, known) : this.byPopularity(known)
      return this.answer(ranked, 0, known.length, [...(asked.unknown.get(0) ?? []), ...strange])
    })
  }

  /**
   * The k best items for many users, in the order of the requests: for each the same as `recommend` gives. Threads rank them
   * in batches, a few of which are on their way at a time; a model of the caller's own, and where there are no threads, is
   * ranked here with a pause before each batch. Threads end with a loop that is left early, else with the recommender.
   * @throws FociError OPTION, UNKNOWN: the request's index is in the message, and the users before it come first
   */
  recommendMany(requests: Source<UserRequest>, options: ListOptions = {}): AsyncGenerator<Recommendations, void, undefined> {
    this.checkOpen()
    const isSource = isList(requests) || (typeof requests === 'object' && requests !== null && Symbol.asyncIterator in requests)
    if (!isSource)
      throw new FociError('OPTION', `requests is ${shown(requests)}.`, 'It is a list of requests, or an async iterable of them.')
    const read = (request: UserRequest, to: Asked): void => this.lookup.add(readUser(request), to)
    return this.answers(this.rankMany(ofRequests(requests, read), readListing(options)))
  }

  /** The lists of a log's users from one on, as arrays. @internal */
  rankLog(log: Interactions, first: number, options: Listing): RankedStream {
    this.checkOpen()
    const lookup = new Lookup(this.served, log)
    const at = lookup.atOf({})
    return this.rankMany(
      ofUsers(first, log.users.length, (from, end, to) => lookup.addUsers(from, end, at, to)),
      options,
    )
  }

  /** The user's interest vectors, each [D]; none for an empty history. */
  interests(whom: Whom & Moment): Float32Array[] {
    this.checkOpen()
    const { engine } = this
    const { model } = this.served
    if (!model.interests) throw this.without('interest vectors')
    return this.asking(readUser(whom), (asked) =>
      scope(engine, () => {
        const { histories, at: when } = pack(engine, asked.view().columns)
        const { vectors } = (model as Required<Model>).interests(histories, when)
        const [count, dim] = vectors.shape
        const values = vectors.float32()
        const at = firstNonFinite(values)
        if (at >= 0)
          throw new FociError(
            'NON_FINITE',
            `The interest ${Math.floor(at / dim)} has ${values[at]}.`,
            'Train again, with a lower learning rate.',
          )
        return Array.from({ length: count }, (_, i) => values.slice(i * dim, (i + 1) * dim))
      }),
    )
  }

  /**
   * What each of the user's interests is about, k items each; nothing for an empty history.
   * @throws FociError OPTION, UNKNOWN, NEED (a model without interests), NON_FINITE
   */
  aboutInterests(whom: Whom & Moment, options: { readonly k?: number } = {}): InterestSummary[] {
    checkOptions('the options of aboutInterests', options, { k: true })
    const { k = 10 } = options
    checkCount(k)
    const vectors = this.interests(whom)
    return aboutInterests(this.served, vectors, Math.min(k, this.catalogue.size))
  }

  /**
   * The items nearest to an item: by the cosine of their vectors, or by the model's scores after that item alone.
   * @throws FociError UNKNOWN
   */
  similarItems(item: Id, options: { readonly k?: number } = {}): { item: string; score: number }[] {
    this.checkOpen()
    checkOptions('the options of similarItems', options, { k: true })
    const { k = 10 } = options
    checkCount(k)
    const id = idOf(item, 'The item')
    const index = this.catalogue.indexOf(id)
    if (index < 0) throw new FociError('UNKNOWN', `There is no item "${id}" in this artefact.`, 'Item ids are case-sensitive strings.')
    const found = this.served.model.items ? this.nearest(index, k) : this.after(id, index, k)
    return Array.from(present(found.items), (i, place) => ({ item: this.catalogue.ids[i], score: found.scores[place] }))
  }

  [Symbol.dispose](): void {
    abandoned.unregister(this)
    this.held.giveBack()
  }

  /**
   * One request, in memory that the next one uses again. What reads it may run the caller's code, a getter of an event or an
   * iterator: who asks from there finds no memory, and makes some.
   */
  private asking<R>(request: UserRequest, body: (asked: Asked) => R): R {
    const asked = this.idle ?? new Asked(this.served)
    this.idle = undefined
    try {
      asked.clear()
      this.lookup.add(request, asked)
      this.checkOpen()
      return body(asked)
    } finally {
      this.idle = asked
    }
  }

  /** Some items by the model's scores. */
  private scored(columns: Columns, items: Int32Array): Ranked {
    const candidates = { values: items, offsets: Int32Array.of(0, items.length) }
    const scores = scoreItems(this.engine, this.served, columns, candidates)
    const sources = sourcesOf(this.engine, this.served, columns, candidates)
    const at = firstNonFinite(scores)
    if (at >= 0) {
      const message = `The score of "${this.catalogue.ids[items[at]]}" is ${scores[at]}.`
      throw new FociError('NON_FINITE', message, 'Train again, with a lower learning rate.')
    }
    const order = Array.from(items.keys()).sort((a, b) => scores[b] - scores[a] || items[a] - items[b])
    return {
      items: Int32Array.from(order, (place) => items[place]),
      scores: Float32Array.from(order, (place) => scores[place]),
      interests: Int32Array.from(order, (place) => sources[place]),
    }
  }

  private byPopularity(items: Int32Array): Ranked {
    const places = new Map(Array.from(this.artefact.popular, (item, place) => [item, place]))
    const place = (item: number): number => places.get(item) ?? places.size
    const sorted = items.slice().sort((a, b) => place(a) - place(b) || a - b)
    return { items: sorted, scores: new Float32Array(items.length), interests: new Int32Array(items.length).fill(-1) }
  }

  private resolve({ k, filter }: Listing): { k: number; allowed: Bits } {
    const places = Math.min(k, this.catalogue.size)
    return { k: places, allowed: filter ? this.served.trained.and(this.bitsOf(filter)) : this.served.trained }
  }

  /** How k items are chosen from rankings of any length. */
  private chooser(k: number, diversity: number): (rank: (count: number) => Ranked) => Ranked {
    if (diversity === 0) return (rank) => rank(k)
    this.alike ??= alikeBy(this.catalogue.categories)
    const { alike } = this
    return (rank) => diversify(rank, k, diversity, alike)
  }

  private search(request: RankRequest): Ranked {
    this.checkOpen()
    const most = { ...request, k: Math.min(request.k, this.catalogue.size) }
    return this.held.programs?.rank(most) ?? rankItems(this.engine, this.served, most)
  }

  private rankMany(batches: Batches, options: Listing): RankedStream {
    const size = usersAtOnce(this.served)
    const empty = (): Asked => new Asked(this.served)
    const plan = { ...this.resolve(options), size, popular: this.artefact.popular, empty }
    return this.stream(plan, (ranks) => rankMany(batches, { ...plan, ...ranks }))
  }

  /** By threads where there are some and they know the model. */
  private async *stream(what: Pick<Plan, 'k' | 'allowed'>, begin: (ranks: Pick<Plan, 'rank' | 'ahead'>) => RankedStream): RankedStream {
    const rank = this.held.programs?.ranker({ k: what.k, allowed: what.allowed.mask })
    // A thread has work while this one, which they leave little time, gets to what is ranked
    if (rank) return yield* begin({ rank: this.whileOpen(rank), ahead: 4 * this.engine.threads() })
    const crew = this.own ? await this.held.hire(this.artefact, this.quantized) : undefined
    if (!crew) return yield* begin({ rank: inPlace((request) => this.search(request)), ahead: 1 })
    try {
      yield* begin({ rank: (request) => crew.rank(request), ahead: 2 * crew.size })
    } finally {
      this.held.release(crew)
    }
  }

  private whileOpen(rank: Plan['rank']): Plan['rank'] {
    return async (request) => {
      this.checkOpen()
      return rank(request)
    }
  }

  private async *answers(lists: RankedStream): AsyncGenerator<Recommendations, void, undefined> {
    for await (const ranked of lists) {
      const k = ranked.items.length / ranked.users
      for (let b = 0; b < ranked.users; b++) {
        this.checkOpen()
        yield this.answer(ranked, b * k, (b + 1) * k, ranked.unknown.get(b))
      }
    }
  }

  /** The places of one user. */
  private answer(
    { items, scores, interests }: Ranked,
    from: number,
    end: number,
    unknown: readonly string[] = [],
    reasons?: Reason[][],
  ): Recommendations {
    const list: Recommended[] = []
    for (let place = from; place < end && items[place] >= 0; place++) {
      const source = interests[place] < 0 ? 'popular' : 'model'
      const found = { item: this.catalogue.ids[items[place]], score: scores[place], interest: interests[place], source } as const
      const because = reasons?.[place - from]
      list.push(because ? { ...found, because } : found)
    }
    return { items: list, unknown, model: this.artefact.parts[0].model }
  }

  /** For each of the model's items. */
  private reasons(columns: Columns, { items: found, interests }: Ranked): Reason[][] {
    const items = found.filter((_, place) => interests[place] >= 0)
    if (items.length === 0) return []
    const { items: events } = columns
    const share = sharesOf(this.engine, this.served.model, columns, items)
    return Array.from(items, (_, c) => {
      const losses = Array.from(events, (event, t) => ({ item: this.catalogue.ids[event], share: share(t, c) }))
      const total = losses.reduce((sum, { share }) => sum + Math.abs(share), 0) || 1
      const sorted = losses.sort((a, b) => Math.abs(b.share) - Math.abs(a.share)).slice(0, REASONS)
      return sorted.map(({ item, share }) => ({ item, share: share / total }))
    })
  }

  /** By the cosine of item vectors. */
  private nearest(index: number, k: number): Omit<Ranked, 'interests'> {
    const { model, trained } = this.served
    this.held.normalized ??= normalizedItems(this.engine, this.artefact.hash, () => (model as Required<Model>).items())
    return nearestItems(this.held.normalized, index, Math.min(k, this.catalogue.size), trained)
  }

  /** By the scores after one item alone. */
  private after(item: string, index: number, k: number): Ranked {
    const event = { item, time: Date.now(), scene: this.served.scenes?.[0], event: this.served.events?.[0] }
    return this.asking({ history: [event], scene: this.served.scenes?.[0] }, (asked) => {
      const seen = { values: Int32Array.of(index), offsets: Int32Array.of(0, 1) }
      return this.search({ columns: asked.view().columns, seen, k, allowed: this.served.trained.mask })
    })
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
    this.held.checkOpen()
  }
}

/** An async predicate would allow every item: a promise is true. */
function answerOf(predicate: (item: string) => boolean, id: string): boolean {
  const answer: unknown = predicate(id)
  if (typeof answer !== 'object' || answer === null) return Boolean(answer)
  throw new FociError('OPTION', `The predicate answers ${shown(id)} with ${shown(answer)}.`, 'It answers at once, with true or false.')
}
