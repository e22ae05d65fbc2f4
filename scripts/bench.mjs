// npm run bench -- TOPIC [--rounds N] [--only NAME] [--quick]: builds, then runs bench/TOPIC.bench.ts.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { build, setup } from './build.mjs'

const [topic, ...rest] = process.argv.slice(2)
const topics = readdirSync('bench').flatMap((file) => file.match(/^(.+)\.bench\.ts$/)?.[1] ?? [])
if (!topic || !existsSync(`bench/${topic}.bench.ts`)) {
  console.error(`Usage: npm run bench -- ${topics.join(' | ')} [--rounds N] [--only NAME] [--quick]`)
  process.exit(2)
}
await setup()
await build()
run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.bench.json')
run(`build/bench/${topic}.bench.js`, ...rest)

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
