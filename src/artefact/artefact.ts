/**
 * The artefact: everything a recommender needs in one safetensors file, and everything a reader may doubt checked before
 * it is used. Pure functions over bytes, the same in Node, at the edge and in browsers.
 *
 * The file holds content alone: no clock, host, path, duration or thread count, so equal content is equal bytes.
 */
import { firstNonFinite, type Values } from '../tensor/kinds.ts'
import { canonicalJson } from './canonical.ts'
import { catalogueTensors, checkPopular, type Items, readCatalogue } from './catalogue-tensors.ts'
import { openContainer, packContainer, type RawTensor, rawTensors, verify } from './container.ts'
import { type About, checkAbout, VERSION } from './schema.ts'
import { type Digest, sha256 } from './sha256.ts'
import { fromRaw, type RawTensors, readInts, toRaw } from './tensors.ts'
import { damaged, unfit } from './unsound.ts'
import { readUsers, type Users, userTensors } from './user-tensors.ts'

export interface ArtefactContent extends Omit<About, 'version'> {
  /**
   * Parameters and state of the models by name, and in a checkpoint the optimiser's moments. A name is of letters,
   * digits and `_ . : / [ ] -`, and does not begin with `catalogue.`, `users.` or `popular.`.
   */
  readonly tensors: Readonly<Record<string, Values>>
  readonly catalogue: Items
  /** Users by index, where the model reads them. */
  readonly users?: Users
  /** Items by popularity in the training part, the most popular first, [n]; each at most once. */
  readonly popular: Int32Array
}

export interface Artefact extends ArtefactContent {
  /** The checksum: 64 hexadecimal digits that are the same for the same content only. Frozen weights are kept under it. */
  readonly hash: string
}

const POPULAR = 'popular.items'
const OURS = /^(catalogue|users|popular)\./
const KNOWN = new Set([
  ...['bytes', 'offsets'].flatMap((end) => [`catalogue.${end}`, `catalogue.titles.${end}`, `catalogue.categories.${end}`]),
  ...['catalogue.titles.items', 'catalogue.categories.starts', 'catalogue.categories.names', 'users.bytes', 'users.offsets', POPULAR],
])
/** Of further columns of items and of users; reading them finds what belongs to none. */
const COLUMN = /^(catalogue|users)\.columns\.(bytes|offsets|\d+\.(bytes|offsets|starts|names|given|numbers|vectors))$/

/**
 * The file's bytes.
 * @throws FociError ARTEFACT where the content could not be read again: a shape that its data does not have, NaN among the
 * scores, an item twice
 */
export async function writeArtefact(content: ArtefactContent): Promise<Uint8Array<ArrayBuffer>> {
  const { parts, roles, scenes, events, trained, scores, checkpoint, catalogue, users, popular } = content
  const json = canonicalJson({ version: VERSION, parts, roles, scenes, events, trained, scores, checkpoint }, unfit)
  const about = checkAbout(JSON.parse(json), unfit)
  checkPopular(popular, catalogue.ids.length, unfit)
  if (!checkpoint) checkFinite(content.tensors)
  const tensors = new Map<string, RawTensor>([
    ...modelTensors(content.tensors),
    ...catalogueTensors(catalogue),
    ...(users ? userTensors(users) : []),
  ])
  tensors.set(POPULAR, toRaw(POPULAR, { shape: [popular.length], data: popular }))
  return packContainer(about, tensors)
}

/**
 * Reads a file after checking the whole of it. The tensors are views of `bytes`, which must stay as they are; the whole is
 * copied once where `bytes` starts at an address that is no multiple of 4, or lies in shared memory.
 * @throws FociError ARTEFACT for a file that is truncated, changed, of another version or of another maker
 */
export function readArtefact(bytes: Uint8Array): Promise<Artefact> {
  return readHashed(bytes, sha256)
}

/** The same, with another's SHA-256. */
export async function readHashed(bytes: Uint8Array, digest: Digest): Promise<Artefact> {
  const container = openContainer(bytes)
  const { version: _, ...about } = checkAbout(container.about, damaged)
  await verify(container, digest)
  const tensors = rawTensors(container)
  const stranger = [...tensors].find(([name, { dtype }]) => (OURS.test(name) ? !KNOWN.has(name) && !COLUMN.test(name) : dtype === 'U8'))
  if (stranger) throw damaged(`tensor "${stranger[0]}" is unknown to this version of the format`)
  const catalogue = readCatalogue(tensors)
  const users = readUsers(tensors)
  const popular = readInts(tensors, POPULAR)
  checkPopular(popular, catalogue.ids.length, damaged)
  return { ...about, hash: container.checksum, catalogue, ...(users && { users }), popular, tensors: modelValues(tensors) }
}

/** Nothing could be served of it. A run that was stopped may hold such values, and is told of them where it goes on. */
function checkFinite(tensors: Readonly<Record<string, Values>>): void {
  for (const [name, { data }] of Object.entries(tensors)) {
    const at = data instanceof Float32Array ? firstNonFinite(data) : -1
    if (at >= 0) throw unfit(`tensor "${name}" has ${data[at]} at ${at}`)
  }
}

function modelTensors(tensors: Readonly<Record<string, Values>>): [string, RawTensor][] {
  return Object.entries(tensors).map(([name, values]) => {
    if (OURS.test(name)) throw unfit(`tensor "${name}" has a name that the format keeps for itself`)
    return [name, toRaw(name, values)]
  })
}

/** Without a prototype, so that no name is there but those of tensors. */
function modelValues(tensors: RawTensors): Readonly<Record<string, Values>> {
  const values: Record<string, Values> = Object.create(null)
  for (const [name, tensor] of tensors) if (!OURS.test(name)) values[name] = fromRaw(tensor)
  return values
}
