/** The groups of sessions with the same label or the same owner. */
import { createHash } from 'node:crypto'

function digest(text: string): string {
  // As JSON, which is exact for halves of characters too.
  return createHash('sha256').update(JSON.stringify(text)).digest('hex').slice(0, 32)
}

/** Returns a letter for the kind and a digest for the value of each group. */
export function groupsOf({ label, owner }: { readonly label?: string | undefined; readonly owner?: string | undefined }): string[] {
  const groups: string[] = []
  if (label !== undefined) groups.push(`l${digest(label)}`)
  if (owner !== undefined) groups.push(`o${digest(owner)}`)
  return groups
}

/** Returns the end of the name of a group's sorted set. */
export function groupSet(group: string): string {
  return `${group.slice(0, 1)}:${group.slice(1)}`
}
