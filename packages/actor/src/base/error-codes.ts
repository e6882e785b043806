/** The error codes of actors, with the kind of each, and the way in which a package above adds its own. */

/**
 * Kind of a failure, for code that maps errors to something else: HTTP statuses, protocol codes, colours.
 *
 * `caller`: the input is wrong. `missing`: the input names something that does not exist. `too-large`: the input exceeds a limit. `conflict`:
 * the input contradicts the present state. `forbidden`: the caller lacks the right. `busy`: another operation is under way. `limited`: too many
 * operations at once. `gone`: the operation was ended. `refused`: the model service rejected the request. `upstream`: the model service failed.
 * `timeout`: the operation took too long. `unavailable`: nothing is accepted now. `full`: no space is left. `internal`: any other failure.
 */
export type ErrorKind =
  | 'caller'
  | 'missing'
  | 'too-large'
  | 'conflict'
  | 'forbidden'
  | 'busy'
  | 'limited'
  | 'gone'
  | 'refused'
  | 'upstream'
  | 'timeout'
  | 'unavailable'
  | 'full'
  | 'internal'

/** Traits of the errors with one code; a single error may override them. */
export interface ErrorTraits {
  readonly kind: ErrorKind
  /** The same call may succeed later without a change by the caller. @default false */
  readonly isRetryable?: boolean
}

const actorErrors = {
  // Options and input
  'invalid-option': { kind: 'caller' },
  'message-too-large': { kind: 'too-large' },
  // Actors
  overloaded: { kind: 'limited', isRetryable: true },
  'call-timeout': { kind: 'timeout' },
  'call-cycle': { kind: 'caller' },
  'call-aborted': { kind: 'gone' },
  'actor-not-running': { kind: 'unavailable' },
  'actor-already-started': { kind: 'conflict' },
  'actor-killed': { kind: 'internal' },
  'actor-stopped': { kind: 'internal' },
  'actor-crashed': { kind: 'internal' },
  'actor-start-timeout': { kind: 'internal' },
  'control-not-handled': { kind: 'caller' },
  // Supervisors
  'child-spec-not-object': { kind: 'caller' },
  'child-spec-id': { kind: 'caller' },
  'child-spec-start': { kind: 'caller' },
  'child-spec-restart': { kind: 'caller' },
  'child-spec-shutdown': { kind: 'caller' },
  'child-spec-type': { kind: 'caller' },
  'child-spec-significant': { kind: 'caller' },
  'child-spec-start-timeout': { kind: 'caller' },
  'duplicate-child-id': { kind: 'caller' },
  'child-start-failed': { kind: 'internal' },
  'child-start-timeout': { kind: 'internal' },
  'child-not-supervisable': { kind: 'caller' },
  'child-already-started': { kind: 'conflict' },
  'child-already-present': { kind: 'conflict' },
  'child-not-found': { kind: 'missing' },
  'child-running': { kind: 'conflict' },
  'child-restarting': { kind: 'conflict' },
  'max-children': { kind: 'limited', isRetryable: true },
  'restart-limit': { kind: 'internal' },
  'task-timeout': { kind: 'internal' },
  // Registry
  'already-registered': { kind: 'conflict' },
  // Anything else
  internal: { kind: 'internal' },
} as const satisfies Readonly<Record<string, ErrorTraits>>

/** A key for each code. A package above merges its own into it (`declare module '@beamclaw/actor/internal'`), beside `addErrorCodes`. */
export interface ErrorCodes extends Readonly<Record<keyof typeof actorErrors, ErrorTraits>> {}

/** Stable identifier of a failure, in kebab-case. New codes may be added; existing ones keep their meaning. */
export type ErrorCode = keyof ErrorCodes

// One for each copy of this package: it grows while the packages above are loaded, and never after that.
const traits = new Map<string, ErrorTraits>(Object.entries(actorErrors))

/** Adds the codes of a package above, with their traits, so that an error is made from its code alone. To be called while that package is loaded. */
export function addErrorCodes(table: Readonly<Record<string, ErrorTraits>>): void {
  for (const [code, of] of Object.entries(table)) traits.set(code, of)
}

/** Returns the traits of a code; undefined for one that no package added. */
export function knownTraits(code: string): ErrorTraits | undefined {
  return traits.get(code)
}
