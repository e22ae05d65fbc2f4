// Builds the addon, the WebAssembly module and dist/, each only where its inputs changed.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { writeOperations } from './operations.mjs'
import { say, stop, succeeds } from './run.mjs'
import { setup } from './setup.mjs'
import { wasmEnvironment } from './setup-wasm.mjs'

export { setup }

const STAMPS = 'build/.stamps'
const RUST = ['Cargo.toml', 'Cargo.lock', 'crates/engine', 'crates/kernels']
const WASM = [...RUST, 'native/wasm', 'scripts/setup-wasm.mjs']

/** The parts: what each is made from, what shows that it is there, and how it is made. */
const parts = {
  native: { from: [...RUST, 'crates/log', 'native/napi'], to: 'build/native/index.d.ts', make: makeNative },
  wasm: { from: WASM, to: 'build/wasm/foci_wasm_bg.wasm', make: () => makeWasm('build/wasm') },
  'wasm-inference': {
    from: WASM,
    to: 'build/wasm-inference/foci_wasm_bg.wasm',
    make: () => makeWasm('build/wasm-inference', '--no-default-features'),
  },
  dist: { from: ['src', 'scripts/bundle.mjs', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'], to: 'dist', make: makeDist },
}

/** Builds the parts that are asked for, all where none is named: `build({ wasm: false })` leaves one out. */
export async function build(wanted = {}) {
  writeOperations()
  for (const [name, part] of Object.entries(parts)) {
    if (wanted[name] ?? true) await buildPart(name, part)
  }
  for (const { to } of Object.values(parts)) if (to.endsWith('.wasm') && existsSync(to)) say(sizes(to))
}

async function buildPart(name, { from, to, make }) {
  const stamp = join(STAMPS, name)
  const now = fingerprint(from)
  if (existsSync(to) && existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return say(`${name} is up to date`)
  say(`building ${name}`)
  const started = Date.now()
  if (!(await make())) stop(`${name} did not build: see the message above.`)
  mkdirSync(STAMPS, { recursive: true })
  writeFileSync(stamp, now)
  say(`${name} built in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

function makeNative() {
  const place = ['--manifest-path', 'native/napi/Cargo.toml', '--package-json-path', 'package.json', '--output-dir', 'build/native']
  return succeeds('node_modules/.bin/napi', ['build', '--platform', '--release', '--strip', '--no-js', ...place])
}

function makeWasm(folder, ...features) {
  const args = ['build', 'native/wasm', '--target', 'web', '--release', '--mode', 'no-install', '--no-pack', '--out-dir', `../../${folder}`]
  const made = succeeds('wasm-pack', [...args, '--', ...features], { env: wasmEnvironment() })
  // wasm-pack's own would keep the module out of the npm package.
  rmSync(join(folder, '.gitignore'), { force: true })
  return made
}

/** Bytes of a file, as it is and compressed. */
function sizes(path) {
  const bytes = readFileSync(path)
  const compressed = [gzipSync(bytes, { level: 9 }), brotliCompressSync(bytes)]
  const [raw, gzip, brotli] = [bytes, ...compressed].map(({ length }) => `${(length / 1000).toFixed(1)} kB`)
  return `${path}: ${raw}, ${gzip} with gzip, ${brotli} with brotli`
}

/** Types are checked by the tests: what runs needs no engine's declarations. */
async function makeDist() {
  const { bundle } = await import('./bundle.mjs') // once its package is there
  rmSync('dist', { recursive: true, force: true, maxRetries: 5 })
  await bundle('dist')
  return succeeds(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--noCheck'])
}

/** A hash of the names and contents of files and of all files in folders. */
function fingerprint(paths) {
  const hash = createHash('sha256')
  for (const path of paths.flatMap(filesOf)) hash.update(`${path}\0`).update(readFileSync(path))
  return hash.digest('hex')
}

function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesOf(join(path, name)))
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await setup()
  await build()
}
