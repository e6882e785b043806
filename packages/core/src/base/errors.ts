/**
 * Every failure that BeamClaw reports on purpose. The code is the contract: branch on `code`, never on `message`.
 * `isRetryable` says whether the same call may succeed later without a change by the caller.
 */
import { type ErrorCode, type ErrorKind, type ErrorTraits, errorTable } from './error-codes.ts'

/** What a failure may carry besides its code and text. */
export interface BeamClawErrorOptions {
  /** What made this fail. Kept as `error.cause`. */
  cause?: unknown
  /** Milliseconds after which a retry makes sense. */
  retryAfterMs?: number
  /** Overrides what the code says. */
  kind?: ErrorKind
  /** Overrides what the code says. */
  isRetryable?: boolean
  /** Facts for machines: names, limits, what came. Never secrets. */
  details?: Readonly<Record<string, unknown>>
}

// Shared by every copy of this package in a process, so that `isInstance` works across versions and bundles.
const marker: unique symbol = Symbol.for('beamclaw.error') as never

/** The one error class that leaves BeamClaw; `code` says what happened, `cause` says why. */
export class BeamClawError extends Error {
  readonly [marker] = true
  /** One of core's codes, or one that a package made with `defineErrors`. */
  readonly code: ErrorCode | (string & {})
  /** What kind of failure it is. */
  readonly kind: ErrorKind
  readonly isRetryable: boolean
  readonly retryAfterMs: number | undefined
  readonly details: Readonly<Record<string, unknown>>

  /** @param like the code, or another error, whose code and traits this one takes over */
  constructor(like: ErrorCode | BeamClawError, message: string, about: BeamClawErrorOptions = {}) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause })
    this.name = new.target.name
    this.code = typeof like === 'string' ? like : like.code
    const traits: ErrorTraits = typeof like === 'string' ? traitsOf(like) : like
    this.kind = about.kind ?? traits.kind
    this.isRetryable = about.isRetryable ?? traits.isRetryable === true
    this.retryAfterMs = about.retryAfterMs
    this.details = about.details ?? {}
  }

  /** True for a BeamClaw error of any copy or version of this package, with the given code if one is named. */
  static isInstance(value: unknown, code?: BeamClawError['code']): value is BeamClawError {
    if (typeof value !== 'object' || value === null || !(marker in value)) return false
    return code === undefined || (value as BeamClawError).code === code
  }
}

/** Codes of another package bring their traits along. */
function traitsOf(code: ErrorCode): ErrorTraits {
  return Object.hasOwn(errorTable, code) ? errorTable[code] : { kind: 'internal' }
}

/**
 * Returns a function that makes errors of a package's own codes, each with the traits that the table gives it.
 *
 * @example
 * const paymentError = defineErrors({ 'card-declined': { kind: 'caller' }, 'bank-closed': { kind: 'unavailable', isRetryable: true } })
 * throw paymentError('card-declined', 'The card was declined')
 */
export function defineErrors<const TTable extends Readonly<Record<string, ErrorTraits>>>(
  table: TTable,
): (code: keyof TTable & string, message: string, about?: BeamClawErrorOptions) => BeamClawError {
  return (code, message, about) => new BeamClawError(code as ErrorCode, message, { ...table[code], ...about })
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
