import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { realFlag, wholeFlag } from '../../src/cli/flags.ts'
import { logFlags, readOptions } from '../../src/cli/log-flags.ts'
import { flagName, modelFlags, modelOptions, strangerHints } from '../../src/cli/model-flags.ts'
import { FociError } from '../../src/errors.ts'
import { choice, defineModel, integer, number } from '../../src/models/define.ts'

const { definition } = defineModel(
  'toy',
  'A toy.',
  {
    maxLength: integer(50, { min: 1, max: 99, help: 'events read' }),
    decay: number(0.5, { min: 0, max: 1, help: 'how fast it forgets' }),
    loss: choice(['full', 'sampled'], { help: 'what is minimised' }),
  },
  () => ({ maxLength: 1, learner: { by: 'counting', fit: () => undefined }, score: () => expect.fail('a toy scores nothing') }),
)

function parse(option: ReturnType<typeof wholeFlag>, ...words: string[]): Record<string, unknown> {
  return new Command().exitOverride().addOption(option).parse(words, { from: 'user' }).opts()
}

describe('numbers', () => {
  it.each([
    ['7', 7],
    ['+7', 7],
    ['007', 7],
  ])('takes %s as the whole number %d', (text, n) => expect(parse(wholeFlag('--n <n>', 'n', {}), '--n', text)).toEqual({ n }))

  it.each(['', ' ', '1.0', '1e3', '0x10', '1,000', '1_000', 'NaN', 'Infinity', '9007199254740993'])(
    'takes %j for no whole number',
    (text) => {
      expect(() => parse(wholeFlag('--n <n>', 'n', {}), `--n=${text}`)).toThrow(FociError)
    },
  )

  it.each([
    ['0.5', 0.5],
    ['.5', 0.5],
    ['1e-3', 0.001],
    ['-2.', -2],
  ])('takes %s as the number %d', (text, n) => expect(parse(realFlag('--n <n>', 'n', {}), '--n', text)).toEqual({ n }))

  it.each(['', '.', '1e', 'fast', '0,5', 'Infinity'])('takes %j for no number', (text) => {
    expect(() => parse(realFlag('--n <n>', 'n', {}), `--n=${text}`)).toThrow(FociError)
  })

  it('keeps to the bounds and says them', () => {
    const option = wholeFlag('--n <n>', 'lines', { min: 2, max: 4, fallback: 3 })
    expect([parse(option), parse(option, '--n', '2'), parse(option, '--n', '4')]).toEqual([{ n: 3 }, { n: 2 }, { n: 4 }])
    for (const text of ['1', '5']) {
      expect(() => parse(option, '--n', text)).toThrow(
        expect.objectContaining({ code: 'OPTION', hint: 'It must be a whole number from 2 to 4: lines.' }),
      )
    }
  })
})

describe("a model's options", () => {
  const parseAll = (...words: string[]) => {
    const command = new Command().exitOverride()
    for (const option of modelFlags(definition)) command.addOption(option)
    return modelOptions(definition, { ...command.parse(words, { from: 'user' }).opts(), epochs: 3 })
  }

  it('are flags in kebab case, with values of their kinds, and nothing where not given', () => {
    expect(flagName('maxLength')).toBe('--max-length')
    expect(parseAll('--max-length', '20', '--loss', 'sampled')).toEqual({ maxLength: 20, loss: 'sampled', decay: undefined })
    expect(parseAll('--decay', '0.25')).toEqual({ decay: 0.25 })
  })

  it.each([
    ['--max-length', '0', 'It is events read: a whole number, at least 1.'],
    ['--max-length', '100', 'It is events read: a whole number, at most 99.'],
    ['--max-length', '1.5', 'It is events read: a whole number.'],
    ['--decay', ' ', 'It is how fast it forgets: a number.'],
    ['--loss', 'ful', 'It is what is minimised: one of full, sampled.'],
  ])('refuse %s %j', (flag, text, hint) => {
    expect(() => parseAll(flag, text)).toThrow(
      expect.objectContaining({ code: 'OPTION', message: `${flag} is ${JSON.stringify(text)}`, hint }),
    )
  })

  it('are known where they belong to another model', () => {
    const hints = strangerHints([definition])
    expect(hints['--window']).toBe('--window is an option of markov. `foci models toy` shows those of toy.')
    expect(hints['--max-length']).toBeUndefined() // its own too
    expect(strangerHints([])['--window']).toBe('--window is an option of markov. Choose the model with `--model markov`.')
  })
})

describe('the flags of a log', () => {
  it('become the options of reading, with the roles of an artefact where none is given', () => {
    const flags = { timeColumn: 'when', itemColumn: 'sku', skipInvalid: true, target: ['buy'], seen: ['none'] }
    expect(readOptions(flags, { target: ['view'], input: ['view'] })).toEqual({
      columns: { timestamp: 'when', item: 'sku' },
      skipInvalid: true,
      target: ['buy'],
      input: ['view'],
      seen: 'none',
    })
  })

  const parseAll = (...words: string[]) => {
    const command = new Command().exitOverride()
    logFlags(command)
    return readOptions(command.parse(words, { from: 'user' }).opts())
  }

  it('name the columns of tables by their fields', () => {
    const words = [
      '--items',
      'a.csv',
      '--items-column',
      'item=movie=id',
      '--items-column',
      'title=na me',
      '--users',
      'u.csv',
      '--users-column',
      'user=uid',
    ]
    expect(parseAll(...words)).toEqual({
      columns: {},
      items: 'a.csv',
      itemsColumns: { item: 'movie=id', title: 'na me' },
      users: 'u.csv',
      usersColumns: { user: 'uid' },
    })
  })

  it.each(['title', 'titel=x', 'user=x', '=x', 'title=', '__proto__=x'])('refuse --items-column %s', (text) => {
    const hint = 'It is a field, = and a column, such as categories=name; the fields are item, title, categories.'
    const message = `--items-column is ${JSON.stringify(text)}`
    expect(() => parseAll('--items-column', text)).toThrow(expect.objectContaining({ code: 'OPTION', message, hint }))
  })
})
