/** How many times as many rounds as in `npm test`: `npm run safety` asks for more. */
export const FACTOR = Number(process.env.FOCI_ROUNDS ?? 1)

/** Rounds of an attack, of which a few are made in `npm test`. */
export const rounds = (few: number): number => few * FACTOR

/** Milliseconds for a test of so many rounds. */
export const within = (round: number, few: number): { timeout: number } => ({ timeout: 60_000 + rounds(few) * round })

export const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)]
