/** What the sample shop sells, shows and lends: themes of 25 items each. */
export interface Theme {
  readonly name: string
  /** Two kinds of goods in the shop, nine items each. */
  readonly goods: readonly [string, string]
  /** Whether the second kind is used up and bought again. */
  readonly consumed?: boolean
}

export const scenes = ['shop', 'reading', 'video'] as const

export type Scene = (typeof scenes)[number]

export const themes: readonly Theme[] = [
  { name: 'camping', goods: ['tent', 'stove'] },
  { name: 'coffee', goods: ['espresso', 'beans'], consumed: true },
  { name: 'cycling', goods: ['saddle', 'pedal'] },
  { name: 'baking', goods: ['oven', 'flour'], consumed: true },
  { name: 'photography', goods: ['lens', 'film-roll'], consumed: true },
  { name: 'gardening', goods: ['spade', 'seeds'], consumed: true },
  { name: 'running', goods: ['shoe', 'gel'], consumed: true },
  { name: 'fishing', goods: ['rod', 'reel'] },
  { name: 'knitting', goods: ['needle', 'wool'], consumed: true },
  { name: 'astronomy', goods: ['telescope', 'eyepiece'] },
  { name: 'chess', goods: ['board', 'clock'] },
  { name: 'pottery', goods: ['wheel', 'clay'], consumed: true },
]

/** One item of the shop. */
export interface SampleItem {
  readonly id: string
  readonly title: string
  readonly theme: number
  readonly scene: Scene
  readonly consumed: boolean
}

/** The items of a theme: nine of each kind of goods, four books, three films. */
export function itemsOf(theme: Theme, number: number): SampleItem[] {
  const kinds: readonly [kind: string, count: number, scene: Scene, consumed: boolean][] = [
    [theme.goods[0], 9, 'shop', false],
    [theme.goods[1], 9, 'shop', theme.consumed ?? false],
    [`${theme.name}-book`, 4, 'reading', false],
    [`${theme.name}-film`, 3, 'video', false],
  ]
  return kinds.flatMap(([kind, count, scene, consumed]) =>
    Array.from({ length: count }, (_, i) => ({
      id: `${kind}-${i + 1}`,
      title: titled(`${kind} ${i + 1}`),
      theme: number,
      scene,
      consumed,
    })),
  )
}

const titled = (words: string) => words[0].toUpperCase() + words.slice(1).replaceAll('-', ' ')
