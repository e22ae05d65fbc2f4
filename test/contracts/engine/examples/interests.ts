import { type Example, ints, matrix, one, real } from './example.ts'

const LN2 = Math.log(2)
const LN3 = Math.log(3)

/** Several vectors an event. */
export const interests: Example[] = [
  {
    // Vectors [1, 0] and [0, 1] read the items at ln 2 (first), ln 3 (second) and 0 (both, so the first): p = [2, 3, 1] / 6
    op: 'maxCrossEntropy',
    title: 'reads every item by the best vector, and the first among equals',
    run: (e) => e.maxCrossEntropy(matrix(e, [1, 0], [0, 1]), matrix(e, [LN2, -5], [-7, LN3], [0, 0]), ints(e, 1), 0, 2),
    gives: [[LN2], [LN2 / 3, -5 / 3, 7 / 2, -LN3 / 2], [1 / 3, 0, 0, -1 / 2, 1 / 6, 0]],
  },
  {
    // p = [1, 3] / 4 and [1, 1] / 2, losses ln 4/3 and ln 2; the first event counts three times as much
    op: 'maxCrossEntropy',
    title: 'takes events by their weights',
    run: (e) => e.maxCrossEntropy(matrix(e, [1], [0]), matrix(e, [0], [LN3]), ints(e, 1, 0), real(e, 3, 1), 1),
    gives: [[(3 * Math.log(4 / 3) + LN2) / 4], [(-3 / 16) * LN3, LN3 / 8], [3 / 16, -3 / 16]],
  },
  {
    // The positive is scored ln 2 by the first vector, the negatives at ln 3 + ln 2 − ln 2 by the second; the last is the target
    op: 'maxSampledSoftmax',
    title: 'corrects the negatives, and leaves out the target among them',
    run: (e) =>
      e.maxSampledSoftmax(
        matrix(e, [1, 0], [0, 1]),
        matrix(e, [LN2, 0]),
        matrix(e, [0, LN3 + LN2], [9, 9]),
        ints(e, 4),
        ints(e, 3, 4),
        real(e, LN2, 0),
        0,
        0,
        2,
      ),
    gives: [[Math.log(5 / 2)], [(-3 / 5) * LN2, 0, 0, (3 / 5) * (LN3 + LN2)], [-3 / 5, 0], [0, 3 / 5, 0, 0]],
  },
  one(
    'bestInterests',
    'takes the first among equals',
    (e) => e.bestInterests(matrix(e, [1], [2], [2], [-3], [1], [0]), matrix(e, [1], [-1])),
    [1, 3],
  ),
]
