/** From a log to a file of lists with onnxruntime, as one would write it: everything in memory, one file in and one out. */
import { readFileSync, writeFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { job, report } from '../outcome.ts'
import { Graph, type GraphOptions } from './onnxruntime.ts'

const { log, out, ...options } = job<GraphOptions & { log: string; out: string }>()
const { users, ids, histories } = readLog(gunzipSync(readFileSync(log)).toString())
const graph = await Graph.open(options, ids)
const rankings = await graph.everybody(histories)
const rows = rankings.flatMap(({ items, scores }, user) => items.map((item, i) => `${users[user]},${i + 1},${item},${scores[i]}\n`))
writeFileSync(out, `user,rank,item,score\n${rows.join('')}`)
// Since the process started.
report(graph.version, { s: [performance.now() / 1000] }, out)

/** Users and items in order of first appearance, each user's items in order of time. */
function readLog(text: string): { users: string[]; ids: string[]; histories: string[][] } {
  const events = new Map<string, { item: string; time: number }[]>()
  const items = new Set<string>()
  for (const line of text.trimEnd().split('\n').slice(1)) {
    const [user, item, time] = line.split(',')
    items.add(item)
    const own = events.get(user)
    if (own) own.push({ item, time: Number(time) })
    else events.set(user, [{ item, time: Number(time) }])
  }
  const histories = Array.from(events.values(), (own) => own.sort((a, b) => a.time - b.time).map(({ item }) => item))
  return { users: [...events.keys()], ids: [...items], histories }
}
