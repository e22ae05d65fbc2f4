import { markov } from '../../src/models/markov.ts'
import { popularity } from '../../src/models/popularity.ts'
import { sasrec } from '../../src/models/sasrec.ts'
import { describeModel } from '../contracts/model.ts'

describeModel(sasrec({ dim: 16, blocks: 1, maxLength: 10 }), { hits: 0.95 })
describeModel(markov(), { hits: 0.95 })
describeModel(popularity(), {})
