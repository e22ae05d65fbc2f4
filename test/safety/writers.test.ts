import { rmSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { folder, type Started, start } from '../cli/foci.ts'
import { type Attacked, attackedIn, expectWhole, stands } from './attacked.ts'
import { pick, rounds, within } from './rounds.ts'

const at = folder()
let attacked: readonly Attacked[]
beforeAll(async () => {
  attacked = await attackedIn(at, 600, 250)
})

describe('several runs with one output', () => {
  it('write it one at a time, however they begin and end', within(15_000, 4), async () => {
    let [done, refused, killed] = [0, 0, 0]
    for (let round = 0; round < rounds(4); round++) {
      const command = pick(attacked)
      const out = at(`round-${round}.${command.ending}`)
      const began = performance.now()
      await expectWhole(command, out)
      const span = performance.now() - began
      rmSync(out)
      const runs: Started[] = []
      const writer = async (first: boolean): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, first ? 0 : Math.random() * span))
        const run = start([...command.words, '--out', out, ...(command.words[0] === 'train' ? ['--resume'] : [])])
        runs.push(run)
        const kill = Math.random() < 0.3 ? setTimeout(() => run.child.kill('SIGKILL'), Math.random() * 1.5 * span) : undefined
        const { code, signal, stderr } = await run.ended
        clearTimeout(kill)
        const there = stands(out)
        expect(there === undefined || there.equals(command.whole), 'nothing, or the whole').toBe(true)
        if (signal === 'SIGKILL') return void killed++
        if (code === 0) {
          expect(there?.equals(command.whole)).toBe(true)
          return void done++
        }
        const [, pid] = /^error: .* is being written by foci (?:train|batch), process (\d+) on /m.exec(stderr) ?? []
        expect(
          runs.map(({ child }) => `${child.pid}`),
          stderr,
        ).toContain(pid)
        expect([code, pid], stderr).not.toEqual([1, `${run.child.pid}`])
        refused++
      }
      await Promise.all([writer(true), writer(false), writer(false)])
      await expectWhole(command, out)
    }
    expect(done + refused + killed).toBe(3 * rounds(4))
    expect(refused, 'that some have met').toBeGreaterThan(0)
  })
})
