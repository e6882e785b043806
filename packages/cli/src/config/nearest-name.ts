/** The name somebody may have meant. */
import leven from 'leven'

/** The known name within two edits, whatever the case; undefined where none is that near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const shown = name.slice(0, 64).toLowerCase()
  const distances = known.map((candidate) => ({ candidate, distance: leven(shown, candidate.toLowerCase()) }))
  return distances.filter(({ distance }) => distance <= 2).toSorted((a, b) => a.distance - b.distance)[0]?.candidate
}
