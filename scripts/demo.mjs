// The main job on the built-in sample: set up, build, simulate a shop, train, recommend.
import { spawnSync } from 'node:child_process'
import { build, setup } from './build.mjs'

const DIR = '.foci/demo'

await setup()
await build()
foci('sample', DIR)
foci(
  'train',
  `${DIR}/interactions.csv`,
  '--items',
  `${DIR}/items.csv`,
  '--model',
  'sasrec',
  '--max-length',
  '50',
  '--epochs',
  '15',
  '--out',
  `${DIR}/shop.safetensors`,
)
foci('recommend', `${DIR}/shop.safetensors`, '--history', 'tent-1', '--history', 'tent-2', '-k', '5', '--explain')

function foci(...args) {
  console.log(`\n$ npx foci ${args.join(' ')}`)
  const { status } = spawnSync(process.execPath, ['dist/cli/main.js', ...args], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
