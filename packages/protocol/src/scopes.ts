/** Scopes: what a connection is allowed to do. */

/** One scope. `operator.admin` implies every scope. */
export interface ScopeDefinition {
  /** Scopes that imply this one. @default [] */
  readonly impliedBy?: readonly string[]
}

/** Scopes by name, as a fragment lists them. */
export type ScopeTable = Readonly<Record<string, ScopeDefinition>>

/** The scopes of every gateway. A fragment adds its own by `defineMethods`. */
export const operatorScopes = {
  'operator.admin': {},
  'operator.write': {},
  'operator.read': { impliedBy: ['operator.write'] },
  'operator.approvals': {},
  'operator.questions': {},
  'operator.pairing': {},
  'operator.talk': { impliedBy: ['operator.write'] },
  'operator.talk.secrets': {},
} as const satisfies ScopeTable

/** The name of a scope of every gateway. */
export type OperatorScope = keyof typeof operatorScopes

/**
 * Returns true for the name of a scope of every gateway.
 *
 * @example
 * isOperatorScope('operator.read') // true
 */
export function isOperatorScope(value: string): value is OperatorScope {
  return Object.hasOwn(operatorScopes, value)
}

/**
 * Returns every scope that a connection holds after it was granted `granted`: those, and the scopes that they imply. Unknown names are left
 * out. `table` defaults to `operatorScopes`.
 *
 * @example
 * heldScopes(['operator.write']) // Set { 'operator.write', 'operator.read', 'operator.talk' }
 */
export function heldScopes(granted: readonly string[], table: ScopeTable = operatorScopes): ReadonlySet<string> {
  const names = Object.keys(table)
  if (granted.includes('operator.admin')) return new Set(names)
  const held = new Set(granted.filter((name) => Object.hasOwn(table, name)))
  // A scope may be implied by one that is itself implied; ends when a round adds nothing.
  for (let before = -1; before < held.size; ) {
    before = held.size
    for (const name of names) if (table[name]?.impliedBy?.some((other) => held.has(other))) held.add(name)
  }
  return held
}

/**
 * Returns true when the granted scopes include `required`, directly or implied. `table` defaults to `operatorScopes`.
 *
 * @example
 * hasScope(['operator.write'], 'operator.read') // true
 */
export function hasScope(granted: readonly string[], required: string, table: ScopeTable = operatorScopes): boolean {
  return heldScopes(granted, table).has(required)
}
