// npm run safety [-- miri | address | addon | neon | conserved | files | hostile]: the Rust tests where memory and threads are watched, and
// on another CPU; and in a long form what `npm test` has in a short one: rows conserved, disks that fail, processes killed, several
// writers, forged artefacts. Parts whose tools cannot be had are skipped with a word.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { countCargo, output, say, stop, succeeds } from './run.mjs'

const TESTS = ['test', '--quiet', '--lib', '--tests', '-p', 'foci-kernels', '-p', 'foci-engine', '-p', 'foci-log']
/** Tests of what the addon does. */
const ADDON_TESTS = [
  ...['native', 'lifetimes', 'program', 'threads', 'faults'].map((name) => `test/engine/${name}.test.ts`),
  ...['read/addon', 'read/conserved', 'read/log-hash', 'files/lock'].map((name) => `test/${name}.test.ts`),
  'test/cli/rows.test.ts',
]
const ARM = 'aarch64-unknown-linux-gnu'
const MINUTES = 60_000
const parts = {
  miri,
  address,
  addon,
  neon,
  conserved: () => rounds('conserved', 'test/read/conserved.test.ts', 60),
  files: () => rounds('files', 'test/safety', 30, '--no-file-parallelism'),
  hostile: () => rounds('hostile', 'test/models/hostile.test.ts', 5000),
}
const results = []

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !(name in parts))
if (unknown) stop(`There is no part "${unknown}": ${Object.keys(parts).join(', ')} are there.`)
for (const [name, run] of Object.entries(parts)) if (asked.length === 0 || asked.includes(name)) run()

console.log()
for (const { name, passed, failed, skipped, seconds } of results) {
  console.log(skipped ? `${name}: skipped, ${skipped}` : `${name}: ${passed} passed, ${failed} failed, in ${seconds} s`)
}
process.exit(results.some(({ failed }) => failed > 0) ? 1 : 0)

/** Undefined behaviour and data races on the portable path, and in the pool under several schedules. */
function miri() {
  if (!hasNightly('miri', 'rust-src')) return skip('miri', 'rustup could not install the nightly toolchain with miri')
  // Miri would add a random error to each exp and ln of f64, which equal bits at any number of threads do not survive.
  const flags = '-Zmiri-strict-provenance -Zmiri-deterministic-floats'
  cargo('miri', ['+nightly', 'miri', ...TESTS], { MIRIFLAGS: flags })
  const pool = ['+nightly', 'miri', 'test', '--quiet', '--lib', '-p', 'foci-engine', 'pool::']
  cargo('miri, the pool under 16 schedules', pool, { MIRIFLAGS: `${flags} -Zmiri-many-seeds=0..16` })
}

/** Reads and writes outside of memory, on each instruction set that this CPU has. */
function address() {
  if (!hasNightly()) return skip('address', 'rustup could not install the nightly toolchain')
  const host = /host: (\S+)/.exec(output('rustc', ['-vV']))?.[1] ?? ''
  if (!/linux-gnu$|apple-darwin$/.test(host)) return skip('address', `AddressSanitizer does not know ${host}`)
  const cpu = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : ''
  const sets = ['portable', ...(/\bavx2\b/.test(cpu) ? ['avx2'] : []), ...(/\bavx512vl\b/.test(cpu) ? ['avx512'] : [])]
  // A target of its own keeps the sanitizer out of build scripts.
  const args = ['+nightly', ...TESTS, '--target', host, '--target-dir', 'target/address']
  for (const set of sets) cargo(`address, ${set}`, args, { RUSTFLAGS: '-Zsanitizer=address', FOCI_SIMD: set })
}

/** The addon in Node: its own tests with an addon that is built with AddressSanitizer, in a copy of the project. */
function addon() {
  if (!existsSync('dist')) return skip('addon', 'nothing is built: npm run build')
  if (!hasNightly()) return skip('addon', 'rustup could not install the nightly toolchain')
  const host = /host: (\S+)/.exec(output('rustc', ['-vV']))?.[1] ?? ''
  // Rust links the sanitizer to programs alone; that of gcc has the same interface, and Node loads it first
  const runtime = output('gcc', ['-print-file-name=libasan.so'])
  if (!host.endsWith('linux-gnu') || !existsSync(runtime))
    return skip('addon', 'there is no libasan.so of gcc (on Debian: apt install gcc)')
  const target = join('target/address', host, 'release/libfoci_napi.so')
  const args = ['+nightly', 'build', '--release', '-p', 'foci-napi', '--target', host, '--target-dir', 'target/address']
  if (!succeeds('cargo', args, { env: { ...process.env, RUSTFLAGS: '-Zsanitizer=address' } })) return void results.push(unbuilt('addon'))
  const project = 'target/address/project'
  rmSync(project, { recursive: true, force: true })
  for (const part of ['src', 'test', 'dist', 'build/native', 'build/wasm', 'build/wasm-inference', 'package.json', 'vitest.config.ts'])
    cpSync(part, join(project, part), { recursive: true })
  symlinkSync(resolve('node_modules'), join(project, 'node_modules'))
  const file = readdirSync(join(project, 'build/native')).find((name) => name.endsWith('.node'))
  cpSync(target, join(project, 'build/native', file))
  const env = { LD_PRELOAD: runtime, ASAN_OPTIONS: 'detect_leaks=0:allocator_may_return_null=1' } // Node leaves much to the system; some tests ask for too much
  vitest('addon', ADDON_TESTS, env, { cwd: project })
}

const unbuilt = (name) => ({ name, passed: 0, failed: 1, seconds: 0 })

/** The kernels as 64-bit ARM runs them, in an emulator. */
function neon() {
  const linker = 'aarch64-linux-gnu-gcc'
  const missing = ['qemu-aarch64', linker].filter((command) => !output(command, ['--version']))
  const packages = 'qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross'
  if (missing.length > 0) return skip('neon', `${missing.join(' and ')} missing (on Debian: apt install ${packages})`)
  if (!succeeds('rustup', ['target', 'add', ARM], { timeout: 5 * MINUTES })) return skip('neon', `rustup could not add the target ${ARM}`)
  const name = `CARGO_TARGET_${ARM.toUpperCase().replaceAll('-', '_')}`
  const env = { [`${name}_LINKER`]: linker, [`${name}_RUNNER`]: 'qemu-aarch64 -L /usr/aarch64-linux-gnu' }
  cargo('neon', [...TESTS, '--target', ARM], env)
}

/** Tests that run a few rounds in `npm test`, and here as many as a variable says. */
function rounds(name, tests, count, ...flags) {
  if (!existsSync('dist')) return skip(name, 'nothing is built: npm run build')
  vitest(name, [tests, '--testTimeout=3600000', ...flags], { FOCI_ROUNDS: process.env.FOCI_ROUNDS ?? String(count) })
}

function vitest(name, args, env, { cwd = '.' } = {}) {
  const report = resolve('build/safety.json')
  rmSync(report, { force: true })
  const settings = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  console.log(`\n== ${name}: ${[...settings, 'npx vitest run', ...args].join(' ')}`)
  const started = Date.now()
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { status } = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...args, ...reporters], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
    cwd,
  })
  const told = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { numPassedTests: 0, numFailedTests: 0 }
  const failed = status === 0 ? 0 : Math.max(told.numFailedTests, 1)
  results.push({ name, passed: told.numPassedTests, failed, seconds: Math.round((Date.now() - started) / 1000) })
}

/** Whether the nightly toolchain is there, or could be installed. */
function hasNightly(...components) {
  if (output('cargo', ['+nightly', ...components.slice(0, 1), '--version'])) return true
  const wanted = components.flatMap((name) => ['--component', name])
  return succeeds('rustup', ['toolchain', 'install', 'nightly', '--profile', 'minimal', '--no-self-update', ...wanted], {
    timeout: 10 * MINUTES,
  })
}

function skip(name, skipped) {
  say(`${name}: skipped, ${skipped}`)
  results.push({ name, skipped })
}

function cargo(name, args, env) {
  const settings = Object.entries(env).map(([key, value]) => `${key}='${value}'`)
  console.log(`\n== ${name}: ${[...settings, 'cargo', ...args].join(' ')}`)
  const started = Date.now()
  const { status, stdout } = spawnSync('cargo', args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  process.stdout.write(stdout ?? '')
  const { passed, failed } = countCargo(stdout ?? '')
  const seconds = Math.round((Date.now() - started) / 1000)
  results.push({ name, passed, failed: status === 0 ? failed : Math.max(failed, 1), seconds })
}
