/** The error codes of core, with the kind of each. */

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

export const errorTable = {
  // Options, names and input
  'invalid-option': { kind: 'caller' },
  'invalid-session-key': { kind: 'caller' },
  'invalid-id': { kind: 'caller' },
  'invalid-message': { kind: 'caller' },
  'message-too-large': { kind: 'too-large' },
  // Actors
  overloaded: { kind: 'limited', isRetryable: true },
  'call-timeout': { kind: 'timeout' },
  'stop-timeout': { kind: 'timeout' },
  'call-cycle': { kind: 'caller' },
  'call-depth': { kind: 'caller' },
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
  // Registry and event bus
  'already-registered': { kind: 'conflict' },
  'subscriber-lagged': { kind: 'gone', isRetryable: true },
  // Store
  'version-conflict': { kind: 'conflict' },
  fenced: { kind: 'internal' },
  'log-gap': { kind: 'internal' },
  'log-corrupt': { kind: 'internal' },
  'store-full': { kind: 'full', isRetryable: true },
  'store-io': { kind: 'internal' },
  'store-failed': { kind: 'unavailable', isRetryable: true },
  'store-locked': { kind: 'unavailable' },
  'store-stopped': { kind: 'unavailable' },
  'document-too-large': { kind: 'too-large' },
  // Providers
  'provider-auth': { kind: 'upstream' },
  'provider-billing': { kind: 'upstream' },
  'provider-rate-limit': { kind: 'limited', isRetryable: true },
  'provider-overloaded': { kind: 'unavailable', isRetryable: true },
  'provider-timeout': { kind: 'timeout', isRetryable: true },
  'provider-server': { kind: 'upstream', isRetryable: true },
  'provider-context-overflow': { kind: 'refused' },
  'provider-bad-request': { kind: 'refused' },
  'provider-content-filter': { kind: 'refused' },
  'provider-network': { kind: 'upstream', isRetryable: true },
  'provider-protocol': { kind: 'upstream', isRetryable: true },
  'provider-aborted': { kind: 'upstream' },
  // Agents, sessions and runs
  'unknown-agent': { kind: 'missing' },
  'unknown-model': { kind: 'missing' },
  'unknown-session': { kind: 'missing' },
  'unknown-tenant': { kind: 'missing' },
  'unknown-run': { kind: 'missing' },
  'idempotency-mismatch': { kind: 'conflict' },
  'session-broken': { kind: 'unavailable', isRetryable: true },
  'session-exists': { kind: 'conflict' },
  'session-busy': { kind: 'busy', isRetryable: true },
  'run-aborted': { kind: 'gone' },
  'run-interrupted': { kind: 'unavailable', isRetryable: true },
  'run-failed': { kind: 'internal' },
  'max-turns': { kind: 'internal' },
  'tool-loop': { kind: 'internal' },
  'poison-message': { kind: 'internal' },
  'invalid-output': { kind: 'upstream', isRetryable: true },
  'hook-failed': { kind: 'internal' },
  'tool-failed': { kind: 'internal' },

  'tool-input': { kind: 'internal' },
  draining: { kind: 'unavailable', isRetryable: true },
  internal: { kind: 'internal' },
} as const satisfies Record<string, ErrorTraits>

/** Stable identifier of a failure, in kebab-case. New codes may be added; existing ones keep their meaning. */
export type ErrorCode = keyof typeof errorTable
