import type { ModelSpec } from 'foci'

export const dearest: () => ModelSpec
