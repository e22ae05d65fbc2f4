// What a build needs: packages, Rust, the wasm32 target and its tools. Does only what is missing.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { output, say, stop, succeeds } from './run.mjs'
import { setupWasm } from './setup-wasm.mjs'

const NODE = [20, 19]
const RUST = [1, 91]

/** @param wasm whether the WebAssembly module will be built too */
export async function setup({ wasm = true } = {}) {
  checkNode()
  installPackages()
  checkRust()
  if (wasm) setupWasm(lockedVersion('wasm-bindgen'))
}

function checkNode() {
  if (older(process.versions.node, NODE)) stop(`Node ${process.versions.node} is too old: install Node ${NODE.join('.')} or newer.`)
}

/** npm writes node_modules/.package-lock.json when it has finished. */
function installPackages() {
  const installed = 'node_modules/.package-lock.json'
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs) return
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund']
  say('installing packages (npm ci)')
  if (succeeds('npm', ['ci', ...quiet], { stdio: 'ignore' })) return
  // npm ci refuses a registry without the packages of other platforms; npm install leaves those out, at the same versions.
  say('npm ci failed, trying npm install with the locked versions')
  if (!succeeds('npm', ['install', '--no-save', ...quiet])) stop('npm install failed: see its message above.')
}

function checkRust() {
  const version = output('cargo', ['--version']).split(' ')[1]
  if (!version || !output('rustc', ['--version'])) stop('Rust is missing: install it from https://rustup.rs, then run this again.')
  if (older(version, RUST)) stop(`Rust ${version} is too old: run "rustup update stable" (${RUST.join('.')} or newer is due).`)
}

function older(version, [major, minor]) {
  const [a, b] = version.split('.').map(Number)
  return a < major || (a === major && b < minor)
}

/** The version of a crate in Cargo.lock: tools must match it. */
function lockedVersion(crate) {
  const entry = readFileSync('Cargo.lock', 'utf8').match(new RegExp(`name = "${crate}"\\nversion = "(.+)"`))
  return entry?.[1] ?? stop(`Cargo.lock names no ${crate}: restore the file from the repository.`)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await setup()
