import { writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { folder, start } from '../cli/foci.ts'
import { type Attacked, attackedIn, expectWhole, stands } from './attacked.ts'
import { rounds, within } from './rounds.ts'

const at = folder()
let attacked: readonly Attacked[]
beforeAll(async () => {
  attacked = await attackedIn(at, 600, 250)
})

describe('killed at random moments', () => {
  it('and started again, a command ends in the same bytes', within(60_000, 1), async () => {
    for (const command of attacked) await killed(command)
  })

  async function killed(command: Attacked): Promise<void> {
    const { words, whole, old, ending } = command
    const began = performance.now()
    await expectWhole(command, at(`undisturbed.${ending}`))
    const span = performance.now() - began
    let kills = 0
    for (let round = 0; round < rounds(1); round++) {
      const out = at(`killed-${round}.${ending}`)
      writeFileSync(out, old)
      for (let attempt = 0; attempt < 4; attempt++) {
        const run = start([...words, '--out', out, ...(words[0] === 'train' && attempt > 0 ? ['--resume'] : [])])
        const kill = setTimeout(() => run.child.kill('SIGKILL'), span * (0.1 + 0.92 * Math.random()))
        const { code, signal, stderr } = await run.ended
        clearTimeout(kill)
        const there = stands(out)
        expect(there?.equals(old) || there?.equals(whole), 'the old file or the new one').toBe(true)
        if (signal === 'SIGKILL') kills++
        else {
          expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')])
          expect(there?.equals(whole)).toBe(true)
          break
        }
      }
      await expectWhole(command, out, command.name)
    }
    if (rounds(1) > 5) expect(kills, command.name).toBeGreaterThan(rounds(1))
  }
})
