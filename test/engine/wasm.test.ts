import { existsSync } from 'node:fs'
import { describe, it } from 'vitest'
import { describeEngine } from '../contracts/engine.ts'

const built = existsSync(new URL('../../build/wasm', import.meta.url))

if (built) {
  describeEngine('wasm', async () => (await import('../../src/engine/wasm.ts')).loadWasm())
} else {
  describe('wasm engine', () => {
    it.skip('is not built: run npm run build', () => {})
  })
}
