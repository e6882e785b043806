/** Ids of approvals: they begin with their deadline, so that a list of names tells what is due next. Pure. */

/** Returns an id; `unique` tells two with the same deadline apart. */
export function approvalId(expiresAt: number, unique: string): string {
  const rest = unique
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(-12)
  return `${Math.max(0, expiresAt).toString(36).padStart(9, '0')}-${rest}`
}

/** Returns the deadline in an id, in milliseconds since 1970; undefined for what is no id. */
export function expiryOf(id: string): number | undefined {
  const [, digits] = /^([0-9a-z]{9,11})-[a-z0-9]{1,12}$/.exec(id) ?? []
  return digits === undefined ? undefined : Number.parseInt(digits, 36)
}
