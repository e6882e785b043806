/**
 * Every failure that BeamClaw reports on purpose. The code is the contract: branch on `code`, never on `message`.
 * `isRetryable` says whether the same call may succeed later without a change by the caller.
 */
const errorTable = {
  // Options, names and input
  'invalid-option': { isRetryable: false },
  'invalid-session-key': { isRetryable: false },
  'invalid-id': { isRetryable: false },
  'invalid-message': { isRetryable: false },
  'message-too-large': { isRetryable: false },
  // Actors
  overloaded: { isRetryable: true },
  'call-timeout': { isRetryable: false },
  'call-cycle': { isRetryable: false },
  'call-aborted': { isRetryable: false },
  'actor-not-running': { isRetryable: false },
  'actor-already-started': { isRetryable: false },
  'actor-killed': { isRetryable: false },
  'actor-stopped': { isRetryable: false },
  'actor-crashed': { isRetryable: false },
  'actor-start-timeout': { isRetryable: false },
  'control-not-handled': { isRetryable: false },
  // Supervisors
  'child-spec-not-object': { isRetryable: false },
  'child-spec-id': { isRetryable: false },
  'child-spec-start': { isRetryable: false },
  'child-spec-restart': { isRetryable: false },
  'child-spec-shutdown': { isRetryable: false },
  'child-spec-type': { isRetryable: false },
  'child-spec-significant': { isRetryable: false },
  'child-spec-start-timeout': { isRetryable: false },
  'duplicate-child-id': { isRetryable: false },
  'child-start-failed': { isRetryable: false },
  'child-start-timeout': { isRetryable: false },
  'child-not-supervisable': { isRetryable: false },
  'child-already-started': { isRetryable: false },
  'child-already-present': { isRetryable: false },
  'child-not-found': { isRetryable: false },
  'child-running': { isRetryable: false },
  'child-restarting': { isRetryable: false },
  'max-children': { isRetryable: true },
  'restart-limit': { isRetryable: false },
  'task-timeout': { isRetryable: false },
  // Registry and event bus
  'already-registered': { isRetryable: false },
  'subscriber-lagged': { isRetryable: true },
  // Store
  'version-conflict': { isRetryable: false },
  fenced: { isRetryable: false },
  'log-gap': { isRetryable: false },
  'log-corrupt': { isRetryable: false },
  'store-full': { isRetryable: true },
  'store-io': { isRetryable: false },
  'store-failed': { isRetryable: true },
  'store-locked': { isRetryable: false },
  'store-stopped': { isRetryable: false },
  'document-too-large': { isRetryable: false },
  // Providers
  'provider-auth': { isRetryable: false },
  'provider-billing': { isRetryable: false },
  'provider-rate-limit': { isRetryable: true },
  'provider-overloaded': { isRetryable: true },
  'provider-timeout': { isRetryable: true },
  'provider-server': { isRetryable: true },
  'provider-context-overflow': { isRetryable: false },
  'provider-bad-request': { isRetryable: false },
  'provider-content-filter': { isRetryable: false },
  'provider-network': { isRetryable: true },
  'provider-protocol': { isRetryable: true },
  'provider-aborted': { isRetryable: false },
  // Agents, sessions and runs
  'unknown-agent': { isRetryable: false },
  'unknown-model': { isRetryable: false },
  'unknown-session': { isRetryable: false },
  'unknown-run': { isRetryable: false },
  'idempotency-mismatch': { isRetryable: false },
  'session-broken': { isRetryable: true },
  'session-busy': { isRetryable: true },
  'run-aborted': { isRetryable: false },
  'run-interrupted': { isRetryable: true },
  'run-failed': { isRetryable: false },
  'max-turns': { isRetryable: false },
  'tool-loop': { isRetryable: false },
  'poison-message': { isRetryable: false },
  'invalid-output': { isRetryable: true },
  'tool-failed': { isRetryable: false },
  'tool-timeout': { isRetryable: false },
  'tool-input': { isRetryable: false },
  draining: { isRetryable: true },
  internal: { isRetryable: false },
} as const satisfies Record<string, { isRetryable: boolean }>

/** Stable identifier of a failure, in kebab-case. New codes may be added; existing ones keep their meaning. */
export type ErrorCode = keyof typeof errorTable

/** What a failure may carry besides its code and text. */
export interface ErrorDetails {
  /** What made this fail. Kept as `error.cause`. */
  cause?: unknown
  /** Milliseconds after which a retry makes sense. */
  retryAfterMs?: number
  /** Overrides the table's answer for this code. */
  isRetryable?: boolean
  /** Facts for machines: names, limits, what came. Never secrets. */
  details?: Readonly<Record<string, unknown>>
}

// Shared by every copy of this package in a process, so that `isInstance` works across versions and bundles.
const marker: unique symbol = Symbol.for('beamclaw.error') as never

/** The one error class that leaves BeamClaw; `code` says what happened, `cause` says why. */
export class BeamClawError extends Error {
  readonly [marker] = true
  readonly code: ErrorCode
  readonly isRetryable: boolean
  readonly retryAfterMs: number | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, about: ErrorDetails = {}) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause })
    this.name = new.target.name
    this.code = code
    this.isRetryable = about.isRetryable ?? errorTable[code].isRetryable
    this.retryAfterMs = about.retryAfterMs
    this.details = about.details ?? {}
  }

  /** True for a BeamClaw error of any copy or version of this package, with the given code if one is named. */
  static isInstance(value: unknown, code?: ErrorCode): value is BeamClawError {
    if (typeof value !== 'object' || value === null || !(marker in value)) return false
    return code === undefined || (value as BeamClawError).code === code
  }
}

/** Rejects a `call` or `cast` to a full mailbox; `retryAfterMs` is when room is likely. Code `overloaded`. */
export class MailboxFullError extends BeamClawError {
  constructor(message: string, retryAfterMs: number, details: Readonly<Record<string, unknown>>) {
    super('overloaded', message, { retryAfterMs, details })
  }
}

/** A child did not start; `childId` names it and `cause` is what it threw. Code `child-start-failed`. */
export class ChildStartError extends BeamClawError {
  readonly childId: string

  constructor(childId: string, cause: unknown) {
    super('child-start-failed', `Child "${childId}" failed to start: ${describeError(cause)}`, { cause, details: { childId } })
    this.childId = childId
  }
}

/** Fields of a log entry with the stack of what was thrown, where it has one. It is only written out when somebody reads it, which costs more than a crash. */
export function withStack<T extends object>(fields: T, thrown: unknown): T & { readonly stack?: string | undefined } {
  return {
    ...fields,
    get stack() {
      try {
        return thrown instanceof Error && typeof thrown.stack === 'string' ? thrown.stack : undefined
      } catch {
        return undefined
      }
    },
  }
}

/** One line about anything that was thrown. */
export function describeError(error: unknown): string {
  // Whatever was thrown may have a message that is no text, or a getter that throws.
  try {
    if (error instanceof Error) return String(error.message || error.name)
  } catch {
    return 'an error that cannot be read'
  }
  if (typeof error === 'string') return error
  return `a thrown ${error === null ? 'null' : typeof error}`
}
