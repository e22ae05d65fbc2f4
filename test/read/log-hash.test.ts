import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { newHash } from '../../src/read/log-hash.ts'

const engine = process.env.FOCI_ENGINE
afterEach(() => {
  if (engine === undefined) delete process.env.FOCI_ENGINE
  else process.env.FOCI_ENGINE = engine
})

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe.each(['native', 'wasm'])('a hash, with FOCI_ENGINE=%s', (chosen) => {
  it('goes on beside its copies', () => {
    process.env.FOCI_ENGINE = chosen
    const hash = newHash()
    hash.update(Buffer.from('rows of some users'))
    const copy = hash.copy()
    copy.update(Buffer.from(', and what is said of them'))
    expect(copy.digest('hex')).toBe(sha256('rows of some users, and what is said of them'))
    hash.update(Buffer.from(', and of others'))
    expect(hash.digest('hex')).toBe(sha256('rows of some users, and of others'))
  })
})
