import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Ended, foci, folder, main } from './foci.ts'

const at = folder()
const log = at('events.csv')
const file = at('shop.safetensors')
const out = at('new.safetensors')

beforeAll(() => {
  writeFileSync(log, 'user,item,timestamp\nu,a,1\nu,b,2\nu,c,3\n')
  writeFileSync(file, 'cut short')
  writeFileSync(at('empty.csv'), '')
  mkdirSync(at('folder'))
})

/** Says in words what was wrong and what to do, in two lines, and shows nobody a stack. */
function expectComplaint({ stdout, stderr }: Ended, complaint: string, hint: string): void {
  const [error, advice, ...rest] = stderr.split('\n')
  expect(error).toContain(`error: ${complaint}`)
  expect(advice).toContain('hint: ')
  expect(advice).toContain(hint)
  expect(rest).toEqual([''])
  expect(stderr).not.toContain('    at ')
  expect(stdout).toBe('')
}

describe.concurrent('wrong usage ends with 2 and a suggestion', () => {
  const train = ['train', log, '--out', out]
  const cases: [words: string[], complaint: string, hint: string][] = [
    [['trian'], "unknown command 'trian'", 'Did you mean train?'],
    [['trian', '--help'], "unknown command 'trian'", 'Did you mean train?'],
    [['help', 'modles'], "unknown command 'modles'", 'Did you mean models?'],
    [['frobnicate'], "unknown command 'frobnicate'", 'foci --help'],
    [['--json', 'models'], "unknown option '--json'", 'foci models --json'],
    [['sample'], "missing required argument 'dir'", 'foci sample [options] <dir>'],
    [['sample', 'a', 'b'], "too many arguments for 'sample'", 'foci sample [options] <dir>'],
    [['sample', at('world'), '--users', '0'], '--users is "0"', 'whole number from 1'],
    [['sample', at('world'), '--seed', '-1'], '--seed is "-1"', 'whole number from 0'],
    [['sample', at('world'), '--sed', '1'], "unknown option '--sed'", '--seed'],
    [['inspect'], "missing required argument 'file'", 'foci inspect [options] <file>'],
    [['inspect', log, '--unit', 'hours'], '--unit is "hours"', 'seconds, milliseconds'],
    [['train'], "missing required argument 'log'", 'foci train [options] <log>'],
    [['train', log], '--model is missing', 'foci models'],
    [['train', log, '--model', 'markov'], '--out is missing', '--out shop.safetensors'],
    [['train', log, '--model', '--out', out], "option '--model <name>' argument missing", 'foci models'],
    [['train', log, '--model'], "option '--model <name>' argument missing", 'foci models'],
    [[...train, '--model', 'sarsec'], 'There is no model "sarsec"', 'Did you mean "sasrec"?'],
    [[...train, '--model=sarsec', '--help'], 'There is no model "sarsec"', 'Did you mean "sasrec"?'],
    [[...train, '--modle', 'sasrec'], "unknown option '--modle'", 'Did you mean --model?'],
    [[...train, '--model', 'sasrec', '--max-lenght', '9'], "unknown option '--max-lenght'", 'Did you mean --max-length?'],
    [[...train, '--model', 'sasrec', '--window', '9'], "unknown option '--window'", 'option of markov'],
    [[...train, '--dim', '9'], "unknown option '--dim'", '--model sasrec'],
    [[...train, '--model', 'sasrec', '--dim', '0'], '--dim is "0"', 'at least 1'],
    [[...train, '--model', 'sasrec', '--dim', 'wide'], '--dim is "wide"', 'a whole number'],
    [[...train, '--model', 'sasrec', '--loss', 'hinge'], '--loss is "hinge"', 'cross-entropy, sampled-softmax'],
    [[...train, '--model', 'sasrec', '--epochs', '1.5'], '--epochs is "1.5"', 'whole number'],
    [[...train, '--model', 'sasrec', '--learning-rate', 'fast'], '--learning-rate is "fast"', 'a number'],
    [[...train, '--model', 'sasrec', '--clip', '-1'], '--clip is "-1"', 'at least 0'],
    [[...train, '--model', 'sasrec', '--split', 'random'], '--split is "random"', 'leave-one-out'],
    [[...train, '--model', 'sasrec', '--split', 'time'], '--split is "time"', 'time:A,B with numbers 0 < A < B < 1'],
    [[...train, '--model', 'sasrec', '--split', 'time:0.9,0.8'], '--split is "time:0.9,0.8"', 'such as time:0.8,0.9'],
    [['evaluate', file], "missing required argument 'log'", 'foci evaluate [options] <file> <log>'],
    [['evaluate', file, log, '-k', '0'], '-k is "0"', 'at least 1'],
    [['evaluate', file, log, '--on', 'tets'], '--on is "tets"', 'test, validation'],
    [['recommend'], "missing required argument 'file'", 'foci recommend [options] <file>'],
    [['recommend', file], 'a history or a user is missing', '--history ITEM'],
    [['recommend', file, 'a'], 'too many arguments', 'foci recommend [options] <file>'],
    [['recommend', file, '--history'], "option '--history <item>' argument missing", '--history tent-2'],
    [['recommend', file, '--history', '--json'], "option '--history <item>' argument missing", '--history tent-2'],
    [['recommend', file, '--histroy', 'a'], "unknown option '--histroy'", 'Did you mean --history?'],
    [['recommend', file, '--history', 'a', '-k', '-3'], '-k is "-3"', 'at least 1'],
    [['recommend', file, '--history', 'a', '-k', 'ten'], '-k is "ten"', 'a whole number'],
    [['recommend', file, '--history', 'a', '--diversity', '-1'], '--diversity is "-1"', 'at least 0'],
    [['recommend', file, '--history', 'a', '--diversity', 'much'], '--diversity is "much"', 'a number'],
    [['recommend', file, '--user', 'u'], 'the history of user u is in a log, and --log is missing', '--user ID --log FILE'],
    [['recommend', file, '--log', log, '--history', 'a'], '--log serves --user alone', '--user ID --log FILE'],
    [['batch', file], "missing required argument 'log'", 'foci batch [options] <file> <log>'],
    [['batch', file, log], '--out is missing', '--out lists.csv'],
    [['batch', file, log, '--out', at('lists.xlsx')], `--out is "${at('lists.xlsx')}"`, '.csv, .jsonl or .parquet'],
    [['batch', file, log, '--out', at('lists')], `--out is "${at('lists')}"`, '.csv, .jsonl or .parquet'],
    [['batch', file, log, '--out', at('lists.csv'), '-k', '0'], '-k is "0"', 'at least 1'],
    [['models', 'sarsec'], 'There is no model "sarsec"', 'Did you mean "sasrec"?'],
    [['models', 'a', 'b'], "too many arguments for 'models'", 'foci models [options] [name]'],
  ]

  it.each(cases)('foci %j', async (words, complaint, hint) => {
    const ended = await foci(...words)
    expectComplaint(ended, complaint, hint)
    expect(ended.code).toBe(2)
  })
})

describe.concurrent('a failure ends with 1 and a next step', () => {
  const train = ['--model', 'markov', '--out', out]
  const cases: [words: string[], complaint: string, hint: string][] = [
    [['train', at('event.csv'), ...train], 'the log', 'Did you mean'],
    [['train', at('nowhere', 'events.csv'), ...train], 'the log', 'There is no folder'],
    [['train', at(), ...train], 'the log', 'Name a file in it: '],
    [['train', at('empty.csv'), ...train], 'the log', 'Was it written to the end?'],
    [['train', file, ...train], 'the log', 'Name a CSV, Parquet'],
    [['train', log, ...train, '--item-column', 'sku'], `${log}: no column "sku"`, '--item-column'],
    [['train', log, ...train, '--items', at('items.csv')], 'the items table', 'Check the path'],
    [['train', log, '--model', 'markov', '--out', at('nowhere', 'x')], at('nowhere', 'x'), `mkdir -p ${at('nowhere')}`],
    [['train', log, '--model', 'markov', '--out', at('folder')], at('folder'), 'Name the file to write'],
    [['sample', log], 'the sample cannot be written', 'Name a folder'],
    [['inspect', at('nothing')], 'the file', 'Check the path'],
    [['inspect', file], `${file}: `, ''],
    [['evaluate', file, log], `${file}: `, ''],
    [['evaluate', log, file], 'the artefact', 'foci train'],
    [['batch', log, log, '--out', at('lists.csv')], 'the artefact', 'foci train'],
    [['batch', file, at('nothing.csv'), '--out', at('lists.csv')], 'the log', 'Check the path'],
    [['batch', file, log, '--out', at('nowhere', 'lists.csv')], at('nowhere', 'lists.csv'), `mkdir -p ${at('nowhere')}`],
    [['batch', file, log, '--out', at('lists.csv')], `${file}: `, ''],
    [['recommend', log, '--history', 'a'], 'the artefact', 'foci train'],
    [['recommend', at('shop.safetensor'), '--history', 'a'], 'the artefact', `Did you mean ${file}?`],
  ]

  it.each(cases)('foci %j', async (words, complaint, hint) => {
    const ended = await foci(...words)
    expectComplaint(ended, complaint, hint)
    expect(ended.code).toBe(1)
  })
})

describe.concurrent('help', () => {
  it('is what a lone `foci` gets, on standard error and with 2', async () => {
    const { code, stdout, stderr } = await foci()
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^Usage: foci .*\n[\s\S]*foci sample shop\n/)
  })

  it.each([[['--help']], [['help']], [['-h']]])('is on standard output for %j', async (words) => {
    const { code, stdout, stderr } = await foci(...words)
    expect([code, stderr]).toEqual([0, ''])
    for (const command of ['sample', 'inspect', 'train', 'evaluate', 'recommend', 'batch', 'models'])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
  })

  it("of train points to the models' options, and with a model lists them", async () => {
    const [without, with_, spelled] = await Promise.all([
      foci('train', '--help'),
      foci('train', '--model', 'sasrec', '--help'),
      foci('help', 'train'),
    ])
    expect(without.stdout).toContain('foci models NAME')
    expect(without.stdout).not.toContain('--max-length')
    expect(with_.stdout).toMatch(/^Options of sasrec:\n[\s\S]*^ {2}--max-length <count> .*\(default: 200\)$/m)
    expect(spelled.stdout).toBe(without.stdout)
  })

  it('tells the version', async () => {
    expect(await foci('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})

describe.skipIf(process.platform === 'win32')('what is no file is refused, and never waited for', () => {
  const pipe = at('pipe')
  const socket = at('socket')
  const server = createServer()
  beforeAll(async () => {
    execFileSync('mkfifo', [pipe])
    await new Promise<void>((resolve) => server.listen(socket, resolve))
    return () => server.close()
  })

  const cases: [words: string[], complaint: string, hint: string][] = [
    [['train', pipe, '--model', 'markov', '--out', out], `the log ${pipe} cannot be read: it is a pipe`, `cat ${pipe} > FILE`],
    [['train', log, '--items', pipe, '--model', 'markov', '--out', out], `the items table ${pipe} cannot be read: it is a pipe`, 'cat'],
    [['recommend', pipe, '--history', 'a'], `the artefact ${pipe} cannot be read: it is a pipe`, 'Write it to a file first'],
    [['batch', pipe, log, '--out', at('lists.csv')], `the artefact ${pipe} cannot be read: it is a pipe`, 'cat'],
    [['inspect', socket], `the file ${socket} cannot be read: it is a socket`, 'Name a file.'],
    [['inspect', '/dev/zero'], 'the file /dev/zero cannot be read: it is a device', 'Name a file.'],
  ]
  it.each(cases)('foci %j', async (words, complaint, hint) => {
    const ended = await foci(...words)
    expect(ended.code).toBe(1)
    expectComplaint(ended, complaint, hint)
  })

  it('as the pipe of a process substitution is', () => {
    const line = `${process.execPath} ${main} inspect <(cat ${log}); ${process.execPath} ${main} inspect /dev/stdin < ${log}`
    const { stdout, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8' })
    expect(stderr).toMatch(/^error: the file \/dev\/fd\/\d+ cannot be read: it is a pipe\.\nhint: Write it to a file first: cat .*\n$/)
    expect(stdout).toMatch(/^\/dev\/stdin: a log\n {2}rows +3\n/)
  })
})

describe('what a file name has in it that no terminal should act on', () => {
  it('is escaped, and a command to paste names the same file', async () => {
    const name = at("it's\n\u202egpj.csv")
    const near = at("it's\n\u202egpj.cs")
    writeFileSync(name, 'user,item,timestamp\nu,a,1\nu,\u009b2J\u2066b,2\n')
    const { stderr } = await foci('inspect', near)
    expect(stderr).toContain(`error: the file ${at("it's\\n\\u202egpj.cs")} cannot be read: there is no such file.\n`)
    const [, word] = /^hint: Did you mean (.*)\?$/m.exec(stderr) ?? []
    expect(word).toBe(`$'${at(String.raw`it\'s\n\342\200\256gpj.csv`)}'`)
    const line = `${process.execPath} ${main} inspect ${word} --json`
    const { stdout } = spawnSync('bash', ['-c', line], { encoding: 'utf8' })
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'log', rows: 2 })
  })

  it('is escaped in tables and in documents', async () => {
    const odd = at('odd.csv')
    const names = ['\u009b2J', 'a\u2066b', 'c\u007f', 'd']
    writeFileSync(
      odd,
      `user,item,timestamp\n${names.flatMap((_, i) => [0, 1, 2, 3].map((u) => `u${u},${names[(i + u) % 4]},${i}\n`)).join('')}`,
    )
    const shop = at('odd.safetensors')
    expect(await foci('train', odd, '--model', 'popularity', '--out', shop)).toMatchObject({ code: 0 })
    const shown = await foci('recommend', shop, '--history', 'd')
    const document = await foci('recommend', shop, '--history', 'd', '--json')
    for (const { stdout } of [shown, document]) {
      expect(stdout).toContain(String.raw`\u009b2J`)
      expect(stdout).toMatch(/^[\n\x20-\x7e]*$/)
    }
    expect(
      JSON.parse(document.stdout)
        .items.map(({ item }: { item: string }) => item)
        .sort(),
    ).toEqual(names.slice(0, 3).sort())
  })
})
