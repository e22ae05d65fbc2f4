// The main job on the built-in sample: set up, build, simulate a shop, train, recommend, and tell what users are interested in.
import { spawnSync } from 'node:child_process'
import { build, setup } from './build.mjs'

const DIR = '.foci/demo'
const OUT = `${DIR}/shop.safetensors`

await setup()
await build()
foci('sample', DIR)
foci(
  ...['train', `${DIR}/interactions.csv`, '--items', `${DIR}/items.csv`, '--model', 'mi-sa', '--dim', '32'],
  ...['--learning-rate', '0.003', '--epochs', '20', '--out', OUT],
)
foci('recommend', OUT, '--history', 'tent-1', '--history', 'tent-2', '-k', '5', '--explain')
foci('interests', OUT, '--user', 'user-1', '--log', `${DIR}/interactions.csv`)
run('scripts/themes.mjs', DIR, OUT)

function foci(...args) {
  console.log(`\n$ npx foci ${args.join(' ')}`)
  run('dist/cli/main.js', ...args)
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
