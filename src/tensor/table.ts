import { FociError } from '../errors.ts'
import { expectValues, type Kind, ruleBroken, sizeOf, type Values } from './kinds.ts'

/** An axis: so many, or as many as a table of offsets ends at. */
export type Extent = number | Table<Int32Array>

/** State of a model that stays on the host (counts, transitions), saved and loaded by name. */
export class Table<T extends Float32Array | Int32Array> {
  readonly name: string
  private readonly extents: readonly Extent[]
  private readonly kind: Kind<T>
  private held: T | undefined

  constructor(name: string, extents: readonly Extent[], kind: Kind<T>) {
    this.name = name
    this.extents = extents
    this.kind = kind
  }

  /** @throws FociError ARTEFACT where nothing was put or loaded */
  get data(): T {
    if (this.held) return this.held
    throw new FociError('ARTEFACT', `The table "${this.name}" is empty.`, 'Fit the model first, or load an artefact of this model.')
  }

  get values(): Values {
    return { shape: this.shape, data: this.data }
  }

  /** @throws FociError SHAPE; NON_FINITE for a number that breaks the rule of its kind, and could not be loaded again */
  put(data: T): void {
    const { name, shape } = this
    if (data.length !== sizeOf(shape)) {
      throw new FociError('SHAPE', `The table "${name}" is [${shape.join(', ')}] and is given ${data.length} values.`, 'Give as many.')
    }
    const broken = ruleBroken(data, this.kind)
    if (broken !== undefined) {
      throw new FociError(
        'NON_FINITE',
        `The table "${name}" ${broken}.`,
        'Look for extreme values in the log and in the weights of its events.',
      )
    }
    this.held = data
  }

  /** @throws FociError ARTEFACT */
  load(values: Values | undefined): void {
    this.held = expectValues(this.name, values, this.shape, this.kind)
  }

  private get shape(): readonly number[] {
    return this.extents.map((extent) => (typeof extent === 'number' ? extent : (extent.data.at(-1) ?? 0)))
  }
}
