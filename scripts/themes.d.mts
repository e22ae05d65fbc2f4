import type { InterestSummary, SampleTruth } from 'foci'

export function shareOfThemes(
  recommender: { aboutInterests(whom: { user: string }, options: { k: number }): readonly InterestSummary[] },
  truth: Pick<SampleTruth, 'users'>,
): number
