/** Returns a number that another node has told, as a whole one from 0 on: it may be of another version. */
export function whole(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0
}
