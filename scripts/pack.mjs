// What npm gets: the package `foci` and the platform package of this machine, packed into build/package.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const OUT = 'build/package'
const PLATFORMS = ['linux-x64-gnu', 'linux-arm64-gnu', 'linux-x64-musl', 'darwin-x64', 'darwin-arm64', 'win32-x64-msvc']
const root = JSON.parse(readFileSync('package.json', 'utf8'))

/** @returns paths of the two packed files */
export function pack() {
  rmSync(OUT, { recursive: true, force: true })
  return { main: packed(stageMain()), platform: packed(stagePlatform()) }
}

function stageMain() {
  const { scripts: _, devDependencies: __, napi: ___, ...published } = root
  const optionalDependencies = Object.fromEntries(PLATFORMS.map((platform) => [`foci-${platform}`, root.version]))
  return stage('foci', { ...published, optionalDependencies }, ['dist', 'build/wasm', 'build/wasm-inference', 'README.md', 'LICENSE'])
}

function stagePlatform() {
  const addon = readdirSync('build/native').find((file) => file.endsWith('.node'))
  if (!addon) throw new Error('There is no addon in build/native: run npm run build first.')
  const platform = addon.slice('foci.'.length, -'.node'.length)
  const [os, cpu, libc] = platform.split('-')
  const { version, license, engines } = root
  const about = { name: `foci-${platform}`, version, license, engines, os: [os], cpu: [cpu], main: addon, files: [addon] }
  const folder = stage(about.name, os === 'linux' ? { ...about, libc: [libc === 'gnu' ? 'glibc' : libc] } : about, ['LICENSE'])
  cpSync(join('build/native', addon), join(folder, addon))
  return folder
}

function stage(name, about, files) {
  const folder = join(OUT, name)
  mkdirSync(folder, { recursive: true })
  for (const file of files) cpSync(file, join(folder, file), { recursive: true })
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(about, null, 2)}\n`)
  return folder
}

function packed(folder) {
  const options = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], shell: process.platform === 'win32' }
  const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', `./${folder}`, '--json', '--pack-destination', OUT], options))
  return join(OUT, filename)
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) console.log(Object.values(pack()).join('\n'))
