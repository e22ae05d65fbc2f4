import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/foci-python', import.meta.url))
const PACKAGES = ['safetensors>=0.4', 'numpy']

/** A Python that can import safetensors and numpy: the machine's, else a cached environment made once; else why there is none. */
export async function findPython(): Promise<{ readonly python: string } | { readonly missing: string }> {
  const own = process.platform === 'win32' ? `${CACHE}/Scripts/python.exe` : `${CACHE}/bin/python`
  if (!(await works('python3', ['--version']))) return { missing: 'python3 is not here' }
  for (const python of ['python3', own]) if (await reads(python)) return { python }
  if (!(await works('python3', ['-m', 'venv', '--clear', CACHE]))) return { missing: 'python3 cannot make an environment (venv)' }
  if (!(await works(own, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES])))
    return { missing: 'pip cannot install safetensors and numpy' }
  return (await reads(own)) ? { python: own } : { missing: 'the installed safetensors or numpy cannot be imported' }
}

/** What the script writes, parsed as JSON. */
export async function runPython(python: string, script: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await run(python, ['-c', script, ...args], { timeout: 60_000 })
  return JSON.parse(stdout)
}

const reads = (python: string) => works(python, ['-c', 'import safetensors.numpy'])

const works = (command: string, args: readonly string[]): Promise<boolean> =>
  run(command, args, { timeout: 240_000 }).then(
    () => true,
    () => false,
  )
