#!/usr/bin/env node
import { run } from './commands.ts'
import { reportFailure } from './failure.ts'
import { unwritten } from './signals.ts'

for (const stream of [process.stdout, process.stderr]) stream.on('error', unwritten)
process.on('uncaughtException', (error) => process.exit(reportFailure(error)))

process.exitCode = await run(process.argv.slice(2))
