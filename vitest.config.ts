import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Tests of what users install import 'foci': the build, since workers start from JavaScript alone.
  resolve: { alias: { foci: fileURLToPath(new URL('./dist/index.js', import.meta.url)) } },
  test: { include: ['test/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000, pool: 'forks', maxWorkers: '100%' },
})
