import { FociError, readInteractions, train } from 'foci'
import { describe, expect, it } from 'vitest'
import { dearest } from './dearest.mjs'

const module = new URL('./dearest.mjs', import.meta.url)
const rows = Array.from({ length: 40 }, (_, i) => ({ user: `u${i % 8}`, item: `i${(i * 3) % 5}`, timestamp: i }))
const items = Array.from({ length: 6 }, (_, i) => ({ item: `i${i}`, price: [5, 1, 9, 2, 7, 3][i], colour: 'red', emb: [i, 1] }))
const users = Array.from({ length: 8 }, (_, i) => ({ user: `u${i}`, age: i, city: 'here' }))

describe('a model that reads columns', () => {
  it('has them in the training thread and in its artefact, and is told to pass the others over', async () => {
    const { recommender, notes } = await train(await readInteractions(rows, { items, users }), { model: dearest(), module })
    expect(notes).toEqual([
      'dearest does not read these columns of the items table: colour, emb',
      'dearest does not read these columns of the users table: city',
    ])
    const prices = Float64Array.from(recommender.catalogue.ids, (id) => items[Number(id.slice(1))].price)
    expect(recommender.catalogue.columns).toEqual({ price: { kind: 'number', of: prices } })
    const { items: list } = recommender.recommend({ user: 'somebody new', history: ['i4'], k: 3 })
    expect(list.map(({ item }) => item)).toEqual(['i2', 'i0', 'i3']) // i4 is seen, i5 in no row
    expect(() => recommender.recommend({ history: ['i4'] })).toThrow('dearest reads users, and the request has none.')
    recommender[Symbol.dispose]()
  })

  it('is refused where the table lacks one', async () => {
    const log = await readInteractions(rows, { items: items.map(({ price: _, ...rest }) => rest), users })
    const error = await train(log, { model: dearest(), module }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(FociError)
    expect(error).toMatchObject({ code: 'NEED', hint: expect.stringContaining('--items FILE') })
  })
})
