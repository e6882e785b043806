/** Suggests the name that was probably meant. */
import leven from 'leven'

/** Returns the nearest known name within two edits, case-insensitively; undefined when there is none. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const shown = name.slice(0, 64).toLowerCase()
  const distances = known.map((candidate) => ({ candidate, distance: leven(shown, candidate.toLowerCase()) }))
  return distances.filter(({ distance }) => distance <= 2).toSorted((a, b) => a.distance - b.distance)[0]?.candidate
}
