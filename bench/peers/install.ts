/** What a user would pick instead, in pinned versions beside the project: bench/.peers is ignored by git. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

export const PEERS = 'bench/.peers'
const NODE = ['onnxruntime-node@1.30.0', 'onnxruntime-web@1.30.0']
const REQUIREMENTS = 'bench/peers/requirements.txt'
const BIN = process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python'

/** Lets PyTorch keep its memory instead of giving it back after every step. */
export const tunedAllocator = {
  MALLOC_MMAP_THRESHOLD_: '4294967296',
  MALLOC_TRIM_THRESHOLD_: '8589934592',
  MALLOC_TOP_PAD_: '268435456',
}

export const python = `${PEERS}/venv/${BIN}`

/** Python's peers, by requirements.txt. */
export function installPython(): void {
  once('venv', readFileSync(REQUIREMENTS, 'utf8'), () => {
    run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', `${PEERS}/venv`])
    run(python, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-r', REQUIREMENTS])
  })
}

/** Peers from npm, without the scripts of onnxruntime-node, which fetch what a CPU does not need. */
export function installNode(): void {
  once('node', NODE.join('\n'), () => {
    mkdirSync(`${PEERS}/node`, { recursive: true })
    const args = ['install', '--prefix', `${PEERS}/node`, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...NODE]
    run('npm', args)
  })
}

/** The peak of products and of reading memory, measured by a small program of our own. */
export function compilePeak(): string {
  const program = `${PEERS}/peak${process.platform === 'win32' ? '.exe' : ''}`
  once('peak.rs', readFileSync('bench/peers/peak.rs', 'utf8'), () =>
    run('rustc', ['--edition=2024', '-Copt-level=3', '-Ctarget-cpu=native', '-o', program, 'bench/peers/peak.rs']),
  )
  return program
}

/** Does it where it was not done for this `wanted` before. */
function once(name: string, wanted: string, make: () => void): void {
  const stamp = `${PEERS}/${name}.stamp`
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  mkdirSync(PEERS, { recursive: true })
  console.log(`installing ${name} into ${PEERS} (once)`)
  make()
  writeFileSync(stamp, wanted)
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' })
}
