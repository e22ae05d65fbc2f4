import { FociError } from '../errors.ts'

/** Makes the error for something that does not fit, from a clause without its full stop; reading and writing differ in the frame. */
export type Fail = (what: string, hint?: string) => FociError

/** The error of every reader: the bytes are not what a writer made. */
export const damaged: Fail = (what, hint = 'Copy the file again from where it was made, or train again.') =>
  new FociError('ARTEFACT', `The artefact cannot be read: ${what}.`, hint)

/** The error of every writer: the content could not be read again. */
export const unfit: Fail = (what, hint = 'Change what is handed to writeArtefact; nothing was written.') =>
  new FociError('ARTEFACT', `The artefact cannot be written: ${what}.`, hint)
