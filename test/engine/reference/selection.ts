import type { Id, Operations } from '../../../src/engine/engine.ts'
import { type Arena, expectFinite, expectRange, expectShape } from './arena.ts'
import { expectIds, total } from './tables.ts'

interface Candidate {
  readonly item: number
  readonly score: number
  readonly interest: number
}

/** What leaves items out, by tensor id. */
interface Masks {
  readonly seen: Id
  readonly seenOffsets: Id
  readonly allowed: Id
}

/** Of f32. */
const MOST = 3.4028234663852886e38

const ABSENT: Candidate = { item: -1, score: Number.NEGATIVE_INFINITY, interest: -1 }

export function selection(arena: Arena): Pick<Operations, 'topK' | 'quantize' | 'topKScores' | 'pairBest' | 'topKCandidates'> {
  /** The k best of the candidates that the user has not seen and that are allowed: score descending, then id ascending. */
  const select = (users: number, catalogue: number, k: number, masks: Masks, candidate: (user: number, item: number) => Candidate) => {
    const [seen, seenOffsets] = [arena.ints(masks.seen), arena.offsets(masks.seenOffsets)]
    const allowed = masks.allowed === 0 ? undefined : arena.ints(masks.allowed)
    expectRange(Number.isInteger(k) && k >= 0, `${k} results`)
    expectShape(seenOffsets.length === users + 1, `${seenOffsets.length} offsets of the seen for ${users} users`)
    expectRange(total(seenOffsets) === seen.length, `offsets of the seen up to ${total(seenOffsets)} for ${seen.length}`)
    expectShape(!allowed || allowed.length === Math.ceil(catalogue / 32), 'allowed bits for another catalogue')
    expectIds(seen, catalogue, 'seen items')
    return Array.from({ length: users }, (_, user) => {
      const hidden = new Set(seen.subarray(seenOffsets[user], seenOffsets[user + 1]))
      const best = Array.from({ length: catalogue }, (_, item) => item)
        .filter((item) => !hidden.has(item) && (!allowed || (allowed[item >> 5] >>> (item % 32)) & 1))
        .map((item) => candidate(user, item))
        .filter(({ score }) => score > Number.NEGATIVE_INFINITY)
        .sort((a, b) => b.score - a.score || a.item - b.item)
        .slice(0, k)
      return [...best, ...Array<Candidate>(k - best.length).fill(ABSENT)]
    })
  }
  const integers = (lists: Candidate[][], k: number, field: 'item' | 'interest'): Id =>
    arena.put(Int32Array.from(lists.flat().map((candidate) => candidate[field])), [lists.length, k])
  const scores = (lists: Candidate[][], k: number): Id =>
    arena.put(Float64Array.from(lists.flat().map(({ score }) => score)), [lists.length, k])

  return {
    /** Nothing: `topK` scores every item, and what codes are for is that nobody sees a difference. */
    quantize(itemsId) {
      expectShape(arena.matrix(itemsId).width > 0, 'quantize: items of no width')
      return arena.put(new Int32Array(), [0])
    },
    topK(vectorsId, offsetsId, itemsId, k, seen, seenOffsets, allowed, quantized) {
      if (quantized !== 0) expectShape(arena.ints(quantized).length === 0, 'topK: what is quantized comes from quantize')
      const [vectors, table, offsets] = [arena.matrix(vectorsId), arena.matrix(itemsId), arena.offsets(offsetsId)]
      expectShape(table.width > 0 && vectors.width === table.width, `topK: widths ${vectors.width} and ${table.width}`)
      expectRange(total(offsets) === vectors.rows, `topK: offsets up to ${total(offsets)} for ${vectors.rows} vectors`)
      expectFinite(vectors.values.every(Number.isFinite), 'vectors')
      const score = (row: number, item: number): number => {
        let sum = 0
        for (let c = 0; c < table.width; c++) sum += vectors.values[row * table.width + c] * table.values[item * table.width + c]
        return sum
      }
      let overflows = false // which an engine tells where the item had a place
      const lists = select(offsets.length - 1, table.rows, k, { seen, seenOffsets, allowed }, (user, item) => {
        let best = ABSENT
        for (let row = offsets[user]; row < offsets[user + 1]; row++) {
          const value = score(row, item)
          if (!(value >= -MOST)) overflows = true
          if (value > best.score) best = { item, score: value, interest: row - offsets[user] }
        }
        return best
      })
      expectFinite(lists.flat().every(({ item, score }) => item < 0 || Math.abs(score) <= MOST) && !overflows, 'products')
      return [integers(lists, k, 'item'), scores(lists, k), integers(lists, k, 'interest')]
    },
    topKScores(scoresId, k, seen, seenOffsets, allowed) {
      const { values, rows, width } = arena.matrix(scoresId)
      const lists = select(rows, width, k, { seen, seenOffsets, allowed }, (user, item) => ({
        item,
        score: values[user * width + item],
        interest: -1,
      }))
      return [integers(lists, k, 'item'), scores(lists, k)]
    },
    pairBest(vectorsId, offsetsId, rowsId, candidateOffsetsId) {
      const [vectors, rows] = [arena.matrix(vectorsId), arena.matrix(rowsId)]
      const [offsets, candidateOffsets] = [arena.offsets(offsetsId), arena.offsets(candidateOffsetsId)]
      expectShape(vectors.width > 0 && vectors.width === rows.width, `pairBest: widths ${vectors.width} and ${rows.width}`)
      expectShape(offsets.length === candidateOffsets.length, `pairBest: ${offsets.length} and ${candidateOffsets.length} offsets`)
      expectRange(total(offsets) === vectors.rows, `pairBest: offsets up to ${total(offsets)} for ${vectors.rows} vectors`)
      expectRange(total(candidateOffsets) === rows.rows, `pairBest: offsets up to ${total(candidateOffsets)} for ${rows.rows} rows`)
      const best = Array.from({ length: rows.rows }, (_, candidate) => {
        const user = candidateOffsets.findLastIndex((offset) => offset <= candidate)
        let found = { score: 0, interest: -1, winner: -1 }
        for (let winner = offsets[user]; winner < offsets[user + 1]; winner++) {
          let score = 0
          for (let c = 0; c < rows.width; c++) score += vectors.values[winner * rows.width + c] * rows.values[candidate * rows.width + c]
          if (found.winner < 0 || score > found.score) found = { score, interest: winner - offsets[user], winner }
        }
        return found
      })
      const ints = (field: 'interest' | 'winner') =>
        arena.put(
          Int32Array.from(best, (found) => found[field]),
          [best.length],
        )
      return [
        arena.put(
          Float64Array.from(best, ({ score }) => score),
          [best.length],
        ),
        ints('interest'),
        ints('winner'),
      ]
    },
    topKCandidates(scoresId, itemsId, candidateOffsetsId, k) {
      const [{ values, shape }, items, offsets] = [arena.real(scoresId), arena.ints(itemsId), arena.offsets(candidateOffsetsId)]
      expectShape(shape.length === 1 && items.length === values.length, `topKCandidates: ${items.length} items for [${shape}] scores`)
      expectIds(items, 2 ** 31, 'items')
      expectRange(total(offsets) === values.length, `topKCandidates: offsets up to ${total(offsets)} for ${values.length}`)
      expectFinite(values.every(Number.isFinite), 'scores')
      expectRange(k >= 0, `${k} results`)
      const lists = Array.from({ length: offsets.length - 1 }, (_, user) => {
        const places = Array.from({ length: offsets[user + 1] - offsets[user] }, (_, i) => offsets[user] + i)
        places.sort((a, b) => values[b] - values[a] || items[a] - items[b])
        return Array.from({ length: k }, (_, i) => places[i] ?? -1)
      })
      const ints = (of: (place: number) => number) => arena.put(Int32Array.from(lists.flat(), of), [lists.length, k])
      const found = Float64Array.from(lists.flat(), (place) => values[place] ?? Number.NEGATIVE_INFINITY)
      return [ints((place) => items[place] ?? -1), arena.put(found, [lists.length, k]), ints((place) => place)]
    },
  }
}
