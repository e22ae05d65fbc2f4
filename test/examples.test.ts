import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/** What each prints, more or less. */
const outputs: Readonly<Record<string, RegExp>> = {
  'mean-pooling.mjs': /^$/, // a module that another imports
  'own-model.mjs': /^mean-pooling (0\.\d+)\npopularity .*\nmarkov .*\nnative (.*)\nwasm \2\n$/,
  'quickstart.mjs': /sasrec 0\.\d+\npopularity 0\.\d+\nmarkov 0\.\d+\n/,
  'tables.mjs': /^Float64Array\(2\) \[ 129, 49 \] Float64Array\(1\) \[ 36 \]\n.*values: Int32Array\(3\) \[ 0, 1, 1 \],\n/s,
}

describe('examples', () => {
  for (const file of readdirSync('examples')) {
    it(`${file} runs`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'foci-example-'))
      const output = execFileSync(process.execPath, [resolve('examples', file)], { cwd: folder, encoding: 'utf8' })
      rmSync(folder, { recursive: true })
      expect(output).toMatch(outputs[file])
    })

    it(`${file} stands in the README or the docs as it is`, () => {
      const texts = ['README.md', 'docs/write-a-model.md'].map((path) => readFileSync(path, 'utf8'))
      expect(texts.join('\n')).toContain(readFileSync(join('examples', file), 'utf8'))
    })
  }
})
