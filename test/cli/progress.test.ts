import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { progress } from '../../src/cli/progress.ts'

function stream(isTTY: boolean) {
  const out = Object.assign(new PassThrough(), { isTTY, columns: 80 })
  return { out: out as unknown as NodeJS.WriteStream, text: () => String(out.read() ?? '') }
}

it('draws a bar on a terminal and takes it away for a line', async () => {
  const { out, text } = stream(true)
  const { step, clear } = await progress(out)
  step({ final: false, epoch: 3, step: 2, steps: 8 })
  expect(text()).toContain('epoch 3')
  clear()
  expect(text()).toContain('\u001b[2K') // the whole line is erased
  step({ final: true, epoch: 4, step: 1, steps: 8 })
  expect(text()).toMatch(/all rows, epoch 4 .*1\/8 steps/)
  clear()
})

it('writes nothing into a pipe', async () => {
  const { out, text } = stream(false)
  const { step, clear } = await progress(out)
  step({ final: false, epoch: 1, step: 1, steps: 8 })
  clear()
  expect(text()).toBe('')
})
