import { FociError } from '../errors.ts'

const HINTS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  ELOOP: ['its links lead in a circle', 'Check the path.'],
  ENOENT: ['there is no such file or folder', 'Check the path, and make the folder first where it is missing.'],
  EEXIST: ['something else stands there', 'Check the path.'],
  EISDIR: ['it is a folder', 'Give the path of a file.'],
  ENOTDIR: ['a part of the path is a file', 'Check the path.'],
  ENOTEMPTY: ['it is a folder', 'Give the path of a file.'],
  EACCES: ['permission is denied', 'Give yourself the right to it and to its folder, or choose another path.'],
  EPERM: ['permission is denied', 'Give yourself the right to it and to its folder, or choose another path.'],
  EROFS: ['the file system is read-only', 'Choose a path on another one.'],
  ENOSPC: ['the disk is full', 'Free some space, then try again.'],
  EDQUOT: ['the disk quota is used up', 'Free some space, then try again.'],
  ERR_FS_FILE_TOO_LARGE: ['it has more than 2 GiB', 'Give a file that foci wrote; if it did, train with a smaller width.'],
}

/** What the system says of a file, as an error with a next step. @param done such as `read` */
export function fileError(path: string, done: string, cause: unknown): FociError {
  const code = codeOf(cause)
  const [reason, hint] = HINTS[code] ?? [cause instanceof Error ? cause.message : code, 'Check the path and its disk, then try again.']
  return new FociError('FILE', `${path} cannot be ${done}: ${reason}.`, hint, { cause })
}

/** What the system calls an error, such as `ENOENT`. */
export const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown')
