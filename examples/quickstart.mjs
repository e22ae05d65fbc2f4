import { Recommender, readInteractions, sampleWorld, sasrec, train } from 'foci'

// Rows of { user, item, timestamp }; a path such as 'events.parquet' or 'events.csv.gz' does as well.
const { interactions } = sampleWorld({ users: 500, seed: 1 })
const log = await readInteractions(interactions)

const run = await train(log, { model: sasrec({ dim: 32, maxLength: 50 }), epochs: 10, seed: 1 })
for (const { model, metrics } of run.report) console.log(model, metrics['ndcg@10'].mean.toFixed(3))
await run.save('shop.safetensors')

const shop = await Recommender.load('shop.safetensors')
const { items } = shop.recommend({ history: ['tent-1', 'tent-2'], k: 3, explain: true })
for (const { item, score, because } of items) console.log(item, score.toFixed(2), because)
