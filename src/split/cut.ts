import type { Interactions } from '../data/interactions.ts'
import { FociError } from '../errors.ts'
import { parseNumber } from '../read/time.ts'
import { leaveOneOut, type Split, type SplitName } from './split.ts'
import { timeSplit } from './time-split.ts'

/**
 * A split's name in its one spelling: `time:.80,0.9` is `time:0.8,0.9`.
 * @param what says in the error whose name it is
 * @throws FociError OPTION
 */
export function splitName(text: string, what = 'The split'): SplitName {
  const shares = sharesIn(text)
  if (shares) return `time:${shares[0]},${shares[1]}`
  if (text === 'leave-one-out') return text
  const form = 'It is leave-one-out, or time:A,B with numbers 0 < A < B < 1, such as time:0.8,0.9.'
  throw new FociError('OPTION', `${what} is ${JSON.stringify(text)}.`, form)
}

/**
 * Cuts a log as a split's name says.
 * @throws FociError OPTION for another name; DATA where a time split finds no times or leaves a part empty
 */
export function cutLog(log: Interactions, text: string): Split {
  const name = splitName(text)
  const shares = sharesIn(name)
  return shares ? timeSplit(log, name, shares) : leaveOneOut(log)
}

/** A and B of `time:A,B`. */
function sharesIn(text: string): [number, number] | undefined {
  const [, ...parts] = /^time:([^,]*),([^,]*)$/.exec(text) ?? []
  const [a, b] = parts.map(parseNumber)
  return a > 0 && a < b && b < 1 ? [a, b] : undefined
}
