/**
 * Seconds an epoch, real tokens a second and peak memory of training sasrec, beside PyTorch as most repositories have it and
 * in the best form that we know, on the same work.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { loadNative } from '#foci/engine/native.js'
import { sameLosses } from './compare.ts'
import { Bench, flags, run, type Side } from './harness.ts'
import { installPython, PEERS, tunedAllocator } from './peers/install.ts'

interface Answer {
  readonly tokens: number
  /** Mean over the first epoch. */
  readonly loss: number
}

const THREADS = 2
const TEXTBOOK = 'textbook, float32'
/** Steps of a textbook epoch that are timed: a whole one takes a minute or two. */
const TEXTBOOK_STEPS = 8
const logs = [
  { log: 'amazon-beauty', maxLength: 50 },
  { log: 'movielens-1m', maxLength: 200 },
]

installPython()
const bench = new Bench('training')
const profiles: string[] = []
/** What this CPU gains by, beside f32. */
const halves = (['bf16'] as const).filter((precision) => loadNative().usePrecision(precision))
for (const { log, maxLength } of logs) {
  const path = `${flags.data}/${log}/interactions.csv.gz`
  if (!bench.wants(log)) continue
  if (!existsSync(path)) throw new Error(`${path} is not there: name the folder of the logs with --data`)
  bench.measure(log, sides(path, maxLength), similarEpochs)
  for (const complaint of sameSteps(log, path, maxLength)) bench.complain(log, complaint)
  profiles.push(`## Where foci's time goes: ${log}\n\n${profile(path, maxLength)}`)
}
bench.finish({
  title: 'Training',
  settings: `SASRec, dim 64, 2 blocks, 1 head, batch 128, dropout 0.1, full cross entropy; ${THREADS} threads. PyTorch's textbook form pads every batch to the full length, so that each of its steps does the same work: ${TEXTBOOK_STEPS} steps are timed and scaled to an epoch by their users. Its best form: length buckets, fused attention, real positions only, chunked cross entropy, fused Adam, a tuned allocator.`,
  sections: profiles,
})

function sides(log: string, maxLength: number): Side[] {
  const epochs = flags.quick ? 1 : 2
  const foci = (variant: string, precision: string): Side => {
    return { side: 'foci', variant, program: 'foci/training.js', job: { log, maxLength, epochs, precision }, threads: THREADS }
  }
  const work = { log, maxLength, batch: 128, epochs }
  const ours = [foci('float32', 'f32'), ...halves.map((precision) => foci(precision.replace('bf16', 'bfloat16'), precision))]
  return [
    ...ours,
    torch(TEXTBOOK, { ...work, epochs: 1, steps: TEXTBOOK_STEPS }),
    torch('best, float32', work),
    torch('best, bfloat16', work),
  ]
}

function torch(variant: string, work: object): Side {
  const [form, dtype] = variant.split(', ')
  const environment = form === 'best' ? tunedAllocator : {}
  const job = { ...work, form, dtype, threads: THREADS }
  return { side: 'PyTorch', variant, program: 'bench/peers/training.py', job, threads: THREADS, environment }
}

/** Whole epochs differ in the order of the batches and in the masks: the same tokens, and mean losses near each other. */
function similarEpochs(answers: readonly Answer[], names: readonly string[]): string[] {
  const [foci] = answers
  const tokens = answers.flatMap((answer, i) =>
    answer.tokens === foci.tokens ? [] : [`${names[i]} trained on ${answer.tokens} tokens and foci on ${foci.tokens}`],
  )
  const whole = names.map((_, i) => i).filter((i) => !names[i].includes(TEXTBOOK))
  return [
    ...tokens,
    ...sameLosses(
      whole.map((i) => [answers[i].loss]),
      whole.map((i) => names[i]),
      () => 0.03,
    ),
  ]
}

/** A few steps from the same weights on the same batches without dropout give the same losses. */
function sameSteps(log: string, path: string, maxLength: number): string[] {
  const files = { artefact: `${PEERS}/${log}.safetensors`, batches: `${PEERS}/${log}.batches.json` }
  const [foci, ...peers] = sides(path, maxLength).map((side) => ({ ...side, job: { ...side.job, ...files } }))
  const losses = [foci, ...peers].map((side) => run<number[]>(side).answer)
  const names = [foci, ...peers].map(({ side, variant }) => `${side} ${variant}`)
  return sameLosses(losses, names, (side) => (side.includes('bfloat16') ? 1e-2 : 1e-4))
}

function profile(path: string, maxLength: number): string {
  const environment = { ...process.env, FOCI_THREADS: String(THREADS) }
  return execFileSync(process.execPath, ['build/bench/profile.bench.js', path, String(maxLength)], { env: environment, encoding: 'utf8' })
}
