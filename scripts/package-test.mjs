// Installs the packed packages into an empty folder and uses them as a newcomer would: natively, then without the addon.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pack } from './pack.mjs'

const PROGRAM = `
import { loadWasm, readInteractions, sampleWorld, sasrec, train, Recommender } from 'foci'
const log = await readInteractions(sampleWorld({ users: 80, seed: 3 }).interactions)
const run = await train(log, { model: sasrec({ dim: 8, maxLength: 20 }), epochs: 1, seed: 1 })
await run.save('shop.safetensors')
using shop = await Recommender.load('shop.safetensors')
const { items } = shop.recommend({ history: [log.catalogue.ids[0]], k: 3 })
if (items.length !== 3) throw new Error('expected three items')
const edge = await Recommender.load('shop.safetensors', { engine: await loadWasm({ inference: true }) })
const same = edge.recommend({ history: [log.catalogue.ids[0]], k: 3 }).items
if (same.some(({ item }, i) => item !== items[i].item)) throw new Error('the build for inference recommends other items')
console.log(JSON.stringify({ engine: shop.engineName, first: items[0].item }))
`.replace('using shop', 'const shop')

const { main, platform } = pack()
const folder = mkdtempSync(join(tmpdir(), 'foci-package-'))
try {
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }\n')
  writeFileSync(join(folder, 'main.mjs'), PROGRAM)
  npm('install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', resolve(main))
  expectEngine('wasm')
  npm('install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional', resolve(platform))
  expectEngine('native')
  const help = execFileSync(process.execPath, ['node_modules/foci/dist/cli/main.js', '--help'], { cwd: folder, encoding: 'utf8' })
  if (!help.includes('recommend')) throw new Error('foci --help does not list its commands')
  console.log('the package installs and runs, with and without the addon')
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function expectEngine(name) {
  const output = execFileSync(process.execPath, ['main.mjs'], { cwd: folder, encoding: 'utf8' })
  const { engine } = JSON.parse(output)
  if (engine !== name) throw new Error(`expected the engine ${name}, got ${engine}`)
}

function npm(...args) {
  execFileSync('npm', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' })
}
