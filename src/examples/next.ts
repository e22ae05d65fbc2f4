import { type Examples, JaggedRows } from './examples.ts'

/** The next item at every position: each event of a window predicts the target after it. SASRec's, and the cheapest for causal models. */
export const next =
  (): Examples =>
  ({ offsets, inputs, targets }, chosen) => {
    const [history, rows] = [new JaggedRows(), new JaggedRows()]
    for (const window of chosen) {
      history.push(inputs.subarray(offsets[window], offsets[window + 1]))
      rows.push(targets.subarray(offsets[window], offsets[window + 1]))
    }
    const { values, offsets: ends } = history.join()
    return { history: values, offsets: ends, rows: rows.join().values, rowOffsets: ends }
  }
