/** The serving works in WebAssembly, on one thread, beside onnxruntime-web; and how large the modules are. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { sameTop } from './compare.ts'
import { Bench, flags } from './harness.ts'
import { installNode, installPython, PEERS } from './peers/install.ts'
import { table } from './results.ts'
import { allUsers, oneUser, prepare } from './serving.ts'

const ORT = `${PEERS}/node/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm`

installPython()
installNode()
const bench = new Bench('wasm')
for (const work of [oneUser(12_101, 50), oneUser(3_416, 200), allUsers()]) {
  if (bench.wants(work.name)) bench.measure(work.name, prepare(work, { library: 'onnxruntime-web', engine: 'wasm', threads: 1 }), sameTop)
}
bench.finish({
  title: 'WebAssembly',
  settings:
    'sasrec, dim 64, 2 blocks, 1 head, initial weights, the same on both sides; item ids in, the ids and scores of the 10 best out; one thread, simd128, in Node. One user: up to 10,000 calls in 5 s. All users: batches of 256, seen items left out; onnxruntime gets them sorted by length and cut to the longest of the batch. Its graphs are PyTorch’s export.',
  sections: flags.only === undefined ? [`## Size of the modules\n\n${sizes()}`] : [],
})

/** Of every module in build/wasm*, and of onnxruntime's smallest. */
function sizes(): string {
  const folders = readdirSync('build').filter((name) => name.startsWith('wasm'))
  const own = folders.flatMap((folder) => readdirSync(`build/${folder}`).map((file) => `build/${folder}/${file}`))
  const modules = [...own.filter((path) => path.endsWith('.wasm')), ORT].filter((path) => existsSync(path))
  const lines = modules.map((path) => {
    const bytes = readFileSync(path)
    const kB = [bytes, gzipSync(bytes, { level: 9 }), brotliCompressSync(bytes)].map(({ length }) => (length / 1000).toFixed(1))
    return [path.replace(/^.*node_modules\//, ''), ...kB]
  })
  return table(['module', 'raw kB', 'gzip kB', 'brotli kB'], lines)
}
