#!/usr/bin/env node
import { reportFailure } from './failure.ts'
import { run } from './program.ts'

// A reader that has enough, such as `head`, closes the pipe: that is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : reportFailure(error)))
}
process.on('uncaughtException', (error) => process.exit(reportFailure(error)))

process.exitCode = await run(process.argv.slice(2))
