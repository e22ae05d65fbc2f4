import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

describe('examples', () => {
  for (const file of readdirSync('examples')) {
    it(`${file} runs`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'foci-example-'))
      const output = execFileSync(process.execPath, [resolve('examples', file)], { cwd: folder, encoding: 'utf8' })
      rmSync(folder, { recursive: true })
      expect(output).toMatch(/sasrec 0\.\d+\npopularity 0\.\d+\nmarkov 0\.\d+\n/)
    })
  }

  it('stand in the README as they are', () => {
    expect(readFileSync('README.md', 'utf8')).toContain(readFileSync('examples/quickstart.mjs', 'utf8'))
  })
})
