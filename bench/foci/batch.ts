/** `foci batch`, in this process, so that its memory can be told. */
import { rmSync } from 'node:fs'
import { fociVersion, job, report } from '../outcome.ts'

const { artefact, log, out, k } = job<{ artefact: string; log: string; out: string; k: number }>()
rmSync(out, { force: true })
process.argv.splice(2, process.argv.length, 'batch', artefact, log, '--out', out, '-k', String(k), '--json')
await import('#foci/cli/main.js')
if (process.exitCode) throw new Error(`foci batch ended with ${process.exitCode}`)
// Since the process started.
report(fociVersion, { s: [performance.now() / 1000] }, out)
