import { describe } from 'vitest'
import { checkCoverage } from '../contracts/engine/coverage.ts'
import { checkGradients } from '../contracts/engine/gradients.ts'
import { describeEngine } from '../contracts/engine.ts'
import { loadReference } from './reference.ts'

describeEngine('reference', async () => loadReference())
describe('gradients of the reference', checkGradients)
describe('the contract suite', checkCoverage)
