/** onnxruntime's side of the serving benches. */
import { job, report } from '../outcome.ts'
import { latencies, type Ranking, readInputs, type Serving, throughput } from '../requests.ts'
import { Graph, type GraphOptions } from './onnxruntime.ts'

const { inputs, many, ...options } = job<Serving & GraphOptions>()
const { ids, histories } = readInputs(inputs)
const graph = await Graph.open(options, ids)
const { figures, answer } = many
  ? await throughput(
      histories.length,
      async (take: (answer: Ranking) => void) => (await graph.everybody(histories)).forEach(take),
      (answer) => answer,
    )
  : await latencies(histories, (history) => graph.one(history))
report(graph.version, figures, answer)
