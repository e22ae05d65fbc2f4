import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves once a line on either stream holds the text; rejects where the process ends without. */
  said(text: string): Promise<void>
}

/** Starts the built command line, as a shell would. */
export function start(words: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, [main, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, FOCI_DEBUG: '', ...env },
  })
  const texts = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, ...texts }))
  })
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (`${texts.stdout}\n${texts.stderr}`.includes(text)) resolve()
      }
      listeners.add(look)
      look()
      ended.then(() => reject(new Error(`the process ended without saying "${text}": ${texts.stdout}${texts.stderr}`)), reject)
    })
  return { child, ended, said }
}

export function foci(...words: string[]): Promise<Ended> {
  return start(words).ended
}

/** A folder of the test file's own, removed after its tests. */
export function folder(): (...names: string[]) => string {
  const path = mkdtempSync(join(tmpdir(), 'foci-cli-'))
  afterAll(() => rmSync(path, { recursive: true, force: true }))
  return (...names) => join(path, ...names)
}
