import type { InterestSummary } from '../src/recommend/request.ts'
import type { SampleTruth } from '../src/sample/truth.ts'

export function shareOfThemes(
  recommender: { aboutInterests(whom: { user: string }, options: { k: number }): readonly InterestSummary[] },
  truth: Pick<SampleTruth, 'users'>,
): number
