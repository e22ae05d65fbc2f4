import { loadWasm, Recommender, readInteractions, sampleWorld, train } from 'foci'
import { meanPooling } from './mean-pooling.mjs'

const { interactions, items } = sampleWorld({ users: 300, seed: 1 })
const log = await readInteractions(interactions, { items })

// The training thread imports the module, for a model is code and cannot be sent
const module = new URL('./mean-pooling.mjs', import.meta.url)
const run = await train(log, { model: meanPooling({ dim: 16 }), module, seed: 1 })
for (const { model, metrics } of run.report) console.log(model, metrics['ndcg@10'].mean.toFixed(3))
await run.save('own.safetensors')

// Whoever loads the artefact has the model's code too
const models = [meanPooling.definition]
const native = await Recommender.load('own.safetensors', { models })
const edge = await Recommender.load('own.safetensors', { models, engine: await loadWasm() })
for (const shop of [native, edge]) {
  const { items: list } = shop.recommend({ history: ['tent-2', 'stove-9'], k: 3, explain: true })
  console.log(shop.engineName, list.map(({ item }) => item).join(' '))
  shop[Symbol.dispose]()
}
