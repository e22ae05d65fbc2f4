// How many of the themes that were planted in the sample's users are told by their interests: node scripts/themes.mjs DIR ARTEFACT
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/** An interest is of a theme where so many of its ten best items are: with ten, all of them. */
const OWN = 0.95

/**
 * @param recommender loaded with the sample's log
 * @param truth the sample's, of all users
 * @returns the mean over users of the share of their themes that are some interest's own
 */
export function shareOfThemes(recommender, { users }) {
  const shares = Object.entries(users).map(([user, { themes }]) => {
    const told = recommender.aboutInterests({ user }, { k: 10 }).flatMap(({ categories }) => categories)
    const own = new Set(told.filter(({ share }) => share >= OWN).map(({ name }) => name))
    return themes.filter((theme) => own.has(theme)).length / themes.length
  })
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { readInteractions, Recommender } = await import('../dist/index.js')
  const [folder, artefact] = process.argv.slice(2)
  const truth = JSON.parse(readFileSync(`${folder}/truth.json`, 'utf8'))
  const log = await readInteractions(`${folder}/interactions.csv`)
  const recommender = await Recommender.load(artefact, { log })
  const share = shareOfThemes(recommender, truth)
  const [user, { themes }] = Object.entries(truth.users)[0]
  console.log(`${user} was made to like ${themes.join(', ')}.`)
  const told = `${(100 * share).toFixed(1)}% of the themes that ${Object.keys(truth.users).length} users were made to like`
  console.log(`${told} are some interest's own: its ten best items are of no other.`)
}
