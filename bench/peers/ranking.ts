/** onnxruntime-node's side of the ranking bench, with a graph that bench/peers/din.py wrote. */
import { job, report } from '../outcome.ts'
import { latencies, type Question, questionsOf, type Ranking, readInputs, type Serving } from '../requests.ts'
import { openRuntime } from './onnxruntime.ts'

const { inputs, graph, threads } = job<Serving & { graph: string; threads: number }>()
const indexOf = new Map(readInputs(inputs).ids.map((id, index) => [id, BigInt(index)]))
const { runtime, version } = openRuntime('onnxruntime-node')
const session = await runtime.InferenceSession.create(graph, { intraOpNumThreads: threads, interOpNumThreads: 1 })
const { figures, answer } = await latencies(questionsOf(inputs), rank)
report(version, figures, answer)

async function rank({ history, items }: Question): Promise<Ranking> {
  const { scores } = await session.run({ history: indices(history), candidates: indices(items) })
  const order = Array.from(items.keys()).sort((a, b) => scores.data[b] - scores.data[a])
  return { items: order.map((i) => items[i]), scores: order.map((i) => scores.data[i]) }
}

function indices(ids: readonly string[]): unknown {
  return new runtime.Tensor(
    'int64',
    BigInt64Array.from(ids, (id) => indexOf.get(id) ?? 0n),
    [ids.length],
  )
}
