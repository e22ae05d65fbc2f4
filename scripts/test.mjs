// Everything that must hold, in one command: set-up, build, format, lint, types, Rust and TypeScript tests, the package.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { build, setup } from './build.mjs'
import { countCargo } from './run.mjs'

const REPORT = 'build/vitest.json'
const totals = { passed: 0, failed: 0, skipped: 0 }
const started = Date.now()

await setup()
await build()

step('format and lint', 'npx', ['biome', 'ci', '--error-on-warnings', '.'])
step('import directions', 'npx', ['depcruise', '--config', '.dependency-cruiser.mjs', 'src'])
step('types', 'npx', ['tsc', '-p', '.'])
step('Rust format', 'cargo', ['fmt', '--all', '--check'])
step('clippy', 'cargo', ['clippy', '--workspace', '--all-targets', '--quiet', '--', '-D', 'warnings'])
const inference = ['-p', 'foci-engine', '-p', 'foci-wasm', '--no-default-features']
step('clippy of the build for inference', 'cargo', ['clippy', ...inference, '--quiet', '--', '-D', 'warnings'])
step('Rust tests', 'cargo', ['test', '--quiet', '-p', 'foci-kernels', '-p', 'foci-engine', '-p', 'foci-log'], countCargo)
for (const set of ['portable', 'avx2']) {
  step(`kernels on ${set}`, 'cargo', ['test', '--quiet', '-p', 'foci-kernels'], countCargo, { FOCI_SIMD: set })
}
rmSync(REPORT, { force: true })
step('TypeScript tests', 'npx', ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`], countVitest)
for (const set of ['portable', 'avx2']) {
  step(
    `native engine on ${set}`,
    'npx',
    ['vitest', 'run', 'test/engine/native.test.ts', '--reporter=json', `--outputFile.json=${REPORT}`],
    countVitest,
    { FOCI_SIMD: set },
  )
}
step('package', process.execPath, ['scripts/package-test.mjs'])

const { passed, failed, skipped } = totals
console.log(`\ndone in ${Math.round((Date.now() - started) / 1000)} s`)
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exit(failed > 0 ? 1 : 0)

/** Runs one step to its end, whatever came before, and counts its tests; a step without a count is one test. */
function step(name, command, args, count = () => ({ passed: 0, failed: 0, skipped: 0 }), env = {}) {
  console.log(`\n== ${name}: ${[command.replace(process.execPath, 'node'), ...args].join(' ')}`)
  const piped = count === countCargo
  const options = {
    stdio: ['ignore', piped ? 'pipe' : 'inherit', 'inherit'],
    env: { ...process.env, ...env },
    encoding: 'utf8',
    shell: process.platform === 'win32',
  }
  const { status, stdout } = spawnSync(command, args, options)
  if (piped) process.stdout.write(stdout ?? '')
  const counted = count(stdout ?? '')
  for (const key of Object.keys(totals)) totals[key] += counted[key]
  if (status !== 0 && counted.failed === 0) totals.failed++
  if (status === 0 && counted.passed === 0) totals.passed++
  if (status !== 0) console.log(`FAILED: ${name}`)
}

function countVitest() {
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites, numPendingTests } = JSON.parse(readFileSync(REPORT, 'utf8'))
    return { passed: numPassedTests, failed: numFailedTests || numFailedTestSuites, skipped: numPendingTests }
  } catch {
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
