// Makes the JavaScript of dist/ from src/ and the packages it needs to start: a few files, for a hundred modules take ten times as
// long to load. Each module of src/ keeps its place in dist/ as a file that passes its exports on.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rolldown } from 'rolldown'

/**
 * Files of dist/chunks/ by what is in them; a module and what it imports go to the first that names it. All stand one folder
 * deep, as the modules do, for some look from their place for build/, package.json and each other. Modules that act when they
 * are loaded, as the command line and the threads' do, are named by none: they stay in files of their own.
 */
const chunks = {
  base: /\/src\/(errors|data\/(nearest|catalogue|interactions|options|roles)|engine\/faults)\.ts$|\/fastest-levenshtein\/|rolldown\/runtime|oxc-project/,
  // What help and the version need: no engine, no models
  cli: /\/src\/cli\/(?!batch\/|main|model-flags|model-choice|training-flags|out-file)|\/commander\//,
  // What reads a log, by the addon where it is plain
  log: /\/src\/read\/(read|files)/,
  // What serves, at the edge and in browsers too: nothing of Node
  serve:
    /\/src\/(artefact\/(?!file)|engine\/(?!native|log-addon|program)|explain|models|nn|ops|recommend\/(?!crew|recorded|ranking-worker)|tensor)/,
  // What the addon and files are for
  native: /\/src\/(artefact|data|files|read|sample|split|engine|recommend\/recorded)/,
  batch: /\/src\/cli\/batch\//,
  train: /\/src\/(evaluate|losses|train\/(?!training-worker))/,
}

/** Writes it all into a folder. */
export async function bundle(folder) {
  const modules = readdirSync('src', { recursive: true }).filter((file) => file.endsWith('.ts'))
  const input = Object.fromEntries(modules.map((file) => [file.slice(0, -'.ts'.length).replaceAll('\\', '/'), join('src', file)]))
  const built = await rolldown({
    input,
    external: [/^@duckdb\//, /\/build\/wasm/],
    platform: 'node',
    resolve: { mainFields: ['module', 'main'] },
    transform: { target: 'es2023' },
    checks: { ineffectiveDynamicImport: false },
  })
  const groups = Object.entries(chunks).map(([name, paths], i) => {
    const test = (id) => paths.test(id.replaceAll('\\', '/'))
    return { name, test, priority: Object.keys(chunks).length - i }
  })
  const names = { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name].js' }
  const { output } = await built.write({ dir: folder, ...names, codeSplitting: { groups } })
  await built.close()
  for (const { fileName, code } of output) if (code !== undefined) writeFileSync(join(folder, fileName), ascii(code))
  const packages = new Set(
    output.flatMap(({ moduleIds = [] }) => moduleIds.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? [])),
  )
  writeFileSync(join(folder, 'chunks/LICENSES'), [...packages].sort().map(licenseOf).join('\n'))
}

/** One other character anywhere in a file, and JavaScript engines hold the whole of its text in two bytes a character. */
function ascii(code) {
  return code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** What a package asks to go with it. */
function licenseOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].map((each) => join(folder, each)).find(existsSync)
  return `${name} ${version}: ${license}\n\n${file ? readFileSync(file, 'utf8') : ''}\n`
}
