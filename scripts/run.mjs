// Commands for the scripts, which run before anything is installed.
import { spawnSync } from 'node:child_process'

/** npm's commands on Windows are scripts, which only a shell starts. */
const shell = process.platform === 'win32'

/** One line of progress on standard error. */
export function say(line) {
  process.stderr.write(`foci: ${line}\n`)
}

/** Ends the process with a sentence that says what to do. */
export function stop(sentence) {
  say(sentence)
  process.exit(1)
}

/** Runs a command in sight of the user; true where it succeeds. */
export function succeeds(command, args, options = {}) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], shell, ...options }).status === 0
}

/** What a command prints, or '' where it fails or is missing. */
export function output(command, args, options = {}) {
  const { status, stdout } = spawnSync(command, args, { stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8', shell, ...options })
  return status === 0 ? stdout.trim() : ''
}

/** Tests that passed, failed and were left out, by what `cargo test` printed. */
export function countCargo(output) {
  const counted = { passed: 0, failed: 0, skipped: 0 }
  for (const [, passed, failed, ignored] of output.matchAll(/(\d+) passed; (\d+) failed; (\d+) ignored/g)) {
    counted.passed += Number(passed)
    counted.failed += Number(failed)
    counted.skipped += Number(ignored)
  }
  return counted
}
