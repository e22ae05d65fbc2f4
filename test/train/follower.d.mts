import type { ModelSpec } from 'foci'

export const follower: () => ModelSpec
