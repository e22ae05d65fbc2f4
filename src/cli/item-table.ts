import type { Catalogue } from '../data/interactions.ts'
import type { Recommended } from '../recommend/request.ts'
import { table } from './format.ts'

/** A list as a table, best first. */
export function itemTable(items: readonly Recommended[], catalogue: Catalogue, explain: boolean): string[] {
  const { titles } = catalogue
  const columns: [string, (item: Recommended, place: number) => string][] = [
    ['', (_, place) => `${place + 1}`],
    ['item', ({ item }) => item],
  ]
  if (titles) columns.push(['title', ({ item }) => titles[catalogue.indexOf(item)] ?? ''])
  columns.push(['score', ({ score, source }) => (source === 'popular' ? '' : score.toFixed(3))], ['source', ({ source }) => source])
  if (items.some(({ interest }) => interest > 0)) columns.push(['interest', ({ interest }) => (interest < 0 ? '' : `${interest}`)])
  if (explain)
    columns.push([
      'because of',
      ({ because = [] }) =>
        because
          .filter(({ share }) => Math.abs(share) >= 0.005)
          .map(({ item, share }) => `${item} ${Math.round(100 * share)}%`)
          .join(', '),
    ])
  return table([columns.map(([name]) => name), ...items.map((item, place) => columns.map(([, cell]) => cell(item, place)))])
}
