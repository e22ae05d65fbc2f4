/** One user after the other, and many at once, beside onnxruntime-node with graphs of the same weights. */
import { sameTop } from './compare.ts'
import { Bench, type Side } from './harness.ts'
import { compilePeak, installNode, installPython } from './peers/install.ts'
import { allUsers, fromFileToFile, givenCandidates, oneUser, prepare, prepareRanking, sameLists } from './serving.ts'

const BIG = 1_000_000
const DIM = 64

installPython()
installNode()
const bench = new Bench('serving')
const one = { library: 'onnxruntime-node', engine: 'native', threads: 1 } as const
for (const work of [oneUser(12_101, 50), oneUser(3_416, 200)])
  if (bench.wants(work.name)) bench.measure(work.name, prepare(work, one), sameTop)
const big = oneUser(BIG, 50, 64)
if (bench.wants(big.name)) bench.measure(big.name, [...prepare(big, one), tableRead()], sameTop)
const ranking = givenCandidates(200, 50)
if (bench.wants(ranking.name)) bench.measure(ranking.name, prepareRanking(ranking), sameTop)
const all = allUsers()
const file = `${all.name}, file to file`
if (bench.wants(file)) {
  const sides = prepare(all, { ...one, threads: 2 })
  if (bench.wants(all.name)) bench.measure(all.name, sides, sameTop)
  bench.measure(file, fromFileToFile(sides, all), sameLists)
}
bench.finish({
  title: 'Serving',
  settings: `sasrec, dim ${DIM}, 2 blocks, 1 head, initial weights, the same on both sides; item ids in, the ids and scores of the 10 best out. One user: one thread, up to 10,000 calls in 5 s. All users: 2 threads, batches of 256, seen items left out; onnxruntime gets them sorted by length and cut to the longest of the batch. File to file: from the start of the process, the log's gzipped CSV in, a CSV of lists out; foci's is \`foci batch\`. din: dim 64, 36 units, layers of 200 and 80, initial weights; candidates in, all of them ranked out; one thread. onnxruntime's graphs are PyTorch's export.`,
})

/** The bound of an exact ranking: each item's row must be read once. */
function tableRead(): Side {
  const job = { what: 'read', threads: 1, bytes: 4 * BIG * DIM, unit: 'ms p50' }
  return { side: 'memory', variant: 'reads the items once', program: compilePeak(), job, threads: 1 }
}
