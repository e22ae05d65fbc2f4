#!/usr/bin/env node
import { reportFailure } from './failure.ts'
import { run } from './program.ts'

// A reader that has enough, such as `head`, closes the pipe: that is no failure, unless it ends a run whose result is a file.
const ENOUGH = process.argv[2] === 'train' || process.argv[2] === 'batch' ? 1 : 0
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? ENOUGH : reportFailure(error)))
}
process.on('uncaughtException', (error) => process.exit(reportFailure(error)))

process.exitCode = await run(process.argv.slice(2))
