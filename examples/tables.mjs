import { itemFeature, readInteractions } from 'foci'

const rows = [
  { user: 'ada', item: 'tent-1', timestamp: 1700000000 },
  { user: 'ada', item: 'stove-1', timestamp: 1700000060 },
]
const items = [
  { item: 'tent-1', title: 'Tent 1', categories: ['camping'], colour: ['red', 'green'], price: 129, embedding: [0.1, 0.7] },
  { item: 'stove-1', title: 'Stove 1', categories: ['camping'], colour: 'green', price: 49, embedding: [-0.3, 0.2] },
]
const { catalogue, userColumns } = await readInteractions(rows, { items, users: [{ user: 'ada', age: 36 }] })

console.log(catalogue.columns.price.of, userColumns.age.of)
console.log(itemFeature('my model', catalogue, 'colour'))
