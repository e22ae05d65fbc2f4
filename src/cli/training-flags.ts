import { Option } from 'commander'
import { JUDGES, optimisers, schedules, type Training } from '../models/training.ts'
import { usage } from './failure.ts'
import { choiceFlag, realFlag, wholeFlag } from './flags.ts'

/** How steps are taken. What the model's file says is told as the default, and holds where a flag is not given. */
export function trainingFlags(own: Training, head = ''): Option[] {
  const told = (help: string, name: keyof Training): string => `${help} (default: ${own[name]})`
  return [
    wholeFlag(`--${head}epochs <count>`, told('at most this many passes over the log', 'epochs'), { min: 1 }),
    wholeFlag(`--${head}patience <count>`, told('epochs without a better validation before it stops', 'patience'), {
      min: 1,
      max: 0xffffffff,
    }),
    wholeFlag(`--${head}batch <users>`, told('users in a step', 'batch'), { min: 1 }),
    choiceFlag(`--${head}optimiser <name>`, told('what moves the weights', 'optimiser'), optimisers),
    realFlag(`--${head}learning-rate <rate>`, told('size of the steps', 'learningRate'), { min: 0 }),
    choiceFlag(`--${head}schedule <name>`, told('how that size changes', 'schedule'), schedules),
    realFlag(`--${head}warmup <epochs>`, told('epochs over which it rises from nothing', 'warmup'), { min: 0 }),
    realFlag(`--${head}weight-decay <rate>`, told('pull of the weights to zero', 'weightDecay'), { min: 0 }),
    realFlag(`--${head}clip <norm>`, told('longest gradient; 0: any', 'clip'), { min: 0 }),
    judgeFlag(
      `--${head}judge <metric>`,
      told('what the run is stopped by: ndcg, hr, mrr or recall at a length, or auc, gauc, logloss', 'judge'),
    ),
  ]
}

/** A flag that takes a metric of validation, such as `ndcg@10`. */
function judgeFlag(flags: string, help: string): Option {
  const option = new Option(flags, help).argParser((text: string) => {
    if (JUDGES.test(text)) return text
    throw usage(
      `${option.long} is ${JSON.stringify(text)}`,
      'It is ndcg, hr, mrr or recall with a length, such as ndcg@10; or auc, gauc, logloss.',
    )
  })
  return option
}
