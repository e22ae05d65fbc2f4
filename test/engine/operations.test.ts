import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const SCRIPT = '../../scripts/operations.mjs'

it('the interface is what the table of operations says', async () => {
  const { operationsText } = (await import(SCRIPT)) as { operationsText: () => string }
  expect(readFileSync('src/engine/operations.ts', 'utf8')).toBe(operationsText())
})
