/** What went wrong, as data: callers branch on the code, people read the message and the hint. */
export type ErrorCode =
  /** Shapes that do not fit; the message names the op and both shapes. */
  | 'SHAPE'
  /** A handle whose tensor was freed. */
  | 'TENSOR_FREED'
  /** A tensor made outside any scope. */
  | 'NO_SCOPE'
  /** An id or an offset outside its table. */
  | 'RANGE'
  /** A number that must be finite and is not. */
  | 'NON_FINITE'
  /** More memory than there is. */
  | 'MEMORY'
  /** The engine met a bug of its own and must be loaded again. */
  | 'ENGINE_LOST'
  /** No engine could be loaded. */
  | 'ENGINE_MISSING'
  /** A file or a row that does not hold what it should: file, row, column, reason. */
  | 'DATA'
  /** A column that is not there. */
  | 'COLUMN'
  /** A file that cannot be read or written. */
  | 'FILE'
  /** An output that another run is writing, whom the message names: it can be tried again. */
  | 'BUSY'
  /** An artefact that is truncated, changed, or of another version. */
  | 'ARTEFACT'
  /** An option, a flag or an argument of the wrong kind. */
  | 'OPTION'
  /** A name that nothing has: a model, a user, an item. */
  | 'UNKNOWN'
  /** What a model needs (times, scenes, features) and the log lacks. */
  | 'NEED'
  /** A checkpoint that belongs to another run. */
  | 'RESUME'
  /** The caller's signal stopped the work. */
  | 'ABORTED'

/** Every error that foci throws on purpose. */
export class FociError extends Error {
  override readonly name = 'FociError'
  readonly code: ErrorCode
  /** What to do next, in one sentence. */
  readonly hint: string

  constructor(code: ErrorCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.hint = hint
  }
}

/** An error on its way between threads, where classes are lost. */
export interface Failure {
  readonly code?: ErrorCode
  readonly message: string
  readonly hint: string
  readonly stack: string
}

export function toFailure(error: unknown): Failure {
  const { message, stack = '' } = error instanceof Error ? error : new Error(String(error))
  return error instanceof FociError ? { code: error.code, message, hint: error.hint, stack } : { message, hint: '', stack }
}

export function fromFailure({ code, message, hint, stack }: Failure): Error {
  const error = code === undefined ? new Error(message) : new FociError(code, message, hint)
  error.stack = stack
  return error
}
