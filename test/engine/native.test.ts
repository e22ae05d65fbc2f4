import { existsSync } from 'node:fs'
import { describe, it } from 'vitest'
import { describeEngine } from '../contracts/engine.ts'

const built = existsSync(new URL('../../build/native', import.meta.url))

if (built) {
  describeEngine('native', async () => (await import('../../src/engine/native.ts')).loadNative())
} else {
  describe('native engine', () => {
    it.skip('is not built: run npm run build', () => {})
  })
}
