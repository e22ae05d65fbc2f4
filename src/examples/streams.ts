import type { Interactions } from '../data/interactions.ts'
import { type Examples, JaggedRows } from './examples.ts'

/**
 * Several streams of each window: the whole of it, then its events of each scene alone, in the order of the scenes. Each
 * event predicts the next target of its stream; a stream without a pair of them is left out.
 */
export const streams =
  (): Examples =>
  ({ log, offsets, inputs, targets }, chosen) => {
    const [history, rows] = [new JaggedRows(), new JaggedRows()]
    const add = (read: Int32Array, about: Int32Array): void => {
      if (read.length === 0) return
      history.push(read)
      rows.push(about)
    }
    const names = log.sceneNames ?? []
    for (const window of chosen) {
      const [read, about] = [inputs, targets].map((all) => all.subarray(offsets[window], offsets[window + 1]))
      add(read, about)
      for (let scene = 0; scene < names.length; scene++) {
        const { inputs: own, targets: next } = ofScene(log, read, about, scene)
        add(own, next)
      }
    }
    const { values, offsets: ends } = history.join()
    return { history: values, offsets: ends, rows: rows.join().values, rowOffsets: ends }
  }

/** The inputs of one scene that a target of it follows, and for each the first that does. */
function ofScene({ scenes }: Interactions, inputs: Int32Array, targets: Int32Array, scene: number) {
  const of = (rows: Int32Array): Int32Array => rows.filter((row) => scenes?.[row] === scene)
  const [own, all] = [of(inputs), of(targets)]
  const next = own.map((row) => all.find((target) => target > row) ?? -1)
  return { inputs: own.filter((_, i) => next[i] >= 0), targets: next.filter((row) => row >= 0) }
}
