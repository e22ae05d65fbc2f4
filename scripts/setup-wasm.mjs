// The wasm32 target and its tools. The target comes from rustup, or is built once with Debian's rustc-web. The tools are
// kept under cargo's home, for all checkouts.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { output, say, stop, succeeds } from './run.mjs'

const TARGET = 'wasm32-unknown-unknown'
const WASM_PACK = '0.15.1'
const CARGO_HOME = process.env.CARGO_HOME ?? join(homedir(), '.cargo')
const TOOLS = join(CARGO_HOME, 'foci-tools')
const DEBIAN = { rustc: '/usr/bin/rustc', cargo: '/usr/bin/cargo' }
const MINUTES = 60_000

/** @param bindgen the version of wasm-bindgen in Cargo.lock */
export function setupWasm(bindgen) {
  if (!hasTarget('rustc') && !addTarget() && !hasTarget(DEBIAN.rustc)) buildDebianTarget()
  installTool('wasm-bindgen', 'wasm-bindgen-cli', bindgen)
  installTool('wasm-pack', 'wasm-pack', WASM_PACK)
}

/** The environment in which wasm-pack finds its compiler and its tools. */
export function wasmEnvironment() {
  const path = [join(TOOLS, 'bin'), resolve('node_modules/.bin'), process.env.PATH]
  const flags = { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: '-C target-feature=+simd128' }
  const system = sysroot(DEBIAN.rustc)
  if (hasTarget('rustc') && sysroot('rustc') !== system) return { ...process.env, ...flags, PATH: path.join(delimiter) }
  // Debian's compiler comes without a linker for the target.
  const linker = debianLinker() ? { CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: debianLinker() } : {}
  const compiler = { RUSTC: DEBIAN.rustc, CARGO: DEBIAN.cargo, ...linker }
  return { ...process.env, ...flags, ...compiler, PATH: ['/usr/bin', ...path].join(delimiter) }
}

/** Whether a compiler has the standard library of the target. */
function hasTarget(rustc) {
  return sysroot(rustc) !== '' && list(targetFolder(rustc)).some((file) => /^libstd-.*\.rlib$/.test(file))
}

function sysroot(rustc) {
  return output(rustc, ['--print', 'sysroot'])
}

function targetFolder(rustc) {
  return join(sysroot(rustc), 'lib/rustlib', TARGET, 'lib')
}

function addTarget() {
  if (!output('rustup', ['--version'])) return false
  say(`adding the target ${TARGET} (rustup)`)
  return succeeds('rustup', ['target', 'add', TARGET], { timeout: 2 * MINUTES }) && hasTarget('rustc')
}

/** Where rustup's server is out of reach: Debian has the compiler and the sources of the standard library. */
function buildDebianTarget() {
  if (!output('apt-get', ['--version'])) stop(`The target ${TARGET} is missing: run "rustup target add ${TARGET}", then run this again.`)
  installDebianRust()
  if (hasTarget(DEBIAN.rustc)) return
  say(`building the standard library of ${TARGET} once (two minutes)`)
  const folder = mkdtempSync(join(tmpdir(), 'foci-std-'))
  try {
    copyLibraries(compileStandardLibrary(folder))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function installDebianRust() {
  const packages = ['rustc-web', 'cargo-web', 'rust-web-src']
  if (packages.every((name) => output('dpkg', ['-s', name])) && debianLinker()) return
  say(`installing Debian's ${packages.join(', ')}`)
  asRoot('apt-get', ['update', '-qq'])
  const linkers = output('apt-cache', ['pkgnames', 'lld-'])
    .split('\n')
    .filter((name) => /^lld-\d+$/.test(name))
  asRoot('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages, newest(linkers)])
  if (!debianLinker()) stop('wasm-ld is missing: install lld, then run this again.')
}

/** @returns the folder of the compiled libraries */
function compileStandardLibrary(folder) {
  const manifest = '[package]\nname = "stdbuild"\nversion = "0.0.0"\nedition = "2021"\n'
  mkdirSync(join(folder, 'src'))
  writeFileSync(join(folder, 'Cargo.toml'), manifest)
  writeFileSync(join(folder, 'src/lib.rs'), '')
  // The module is optimised across crates, which needs the bitcode of this one too.
  const flags = '-C target-feature=+simd128 -C embed-bitcode=yes'
  const env = { ...process.env, RUSTC: DEBIAN.rustc, RUSTC_BOOTSTRAP: '1', RUSTFLAGS: flags }
  const args = ['build', '--release', '--target', TARGET, '--target-dir', join(folder, 'target'), '-Z', 'build-std=std,panic_abort']
  if (!succeeds(DEBIAN.cargo, args, { cwd: folder, env })) stop('The standard library did not compile: see the message above.')
  return join(folder, 'target', TARGET, 'release/deps')
}

function copyLibraries(from) {
  const to = targetFolder(DEBIAN.rustc)
  const libraries = list(from).filter((file) => file.endsWith('.rlib') && !file.startsWith('libstdbuild'))
  asRoot('mkdir', ['-p', to])
  asRoot('cp', [...libraries.map((file) => join(from, file)), to])
}

function debianLinker() {
  const linker = newest(list('/usr/bin').filter((file) => /^wasm-ld-\d+$/.test(file)))
  return linker && `/usr/bin/${linker}`
}

/** `--locked` fails where a registry's mirror lags behind the tool's lock file. */
function installTool(command, crate, version) {
  if (output(join(TOOLS, 'bin', command), ['--version']).split(' ')[1] === version) return
  say(`installing ${crate} ${version} (some minutes, once)`)
  const args = ['install', crate, '--version', version, '--root', TOOLS]
  const cargo = output('cargo', ['--version']) ? 'cargo' : DEBIAN.cargo
  if (!succeeds(cargo, [...args, '--locked']) && !succeeds(cargo, args)) stop(`${crate} could not be installed: see the message above.`)
}

function asRoot(command, args) {
  const root = process.getuid?.() === 0
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  if (!succeeds(root ? command : 'sudo', root ? args : [command, ...args], { env })) stop(`${command} failed: see the message above.`)
}

/** Of names that end in a number, the one with the largest. */
function newest(names) {
  const number = (name) => Number(name.split('-').at(-1))
  return names.sort((a, b) => number(a) - number(b)).at(-1) ?? ''
}

function list(folder) {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
