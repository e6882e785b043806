/**
 * Every failure that BeamClaw reports on purpose. The code is the contract: branch on `code`, never on `message`.
 * `isRetryable` says whether the same call may succeed later without a change by the caller.
 */
import { type ErrorCode, type ErrorKind, type ErrorTraits, knownTraits } from './error-codes.ts'

/** What an error may carry besides its code and text. */
export interface BeamClawErrorOptions {
  /** The error that caused this one; kept as `error.cause`. */
  cause?: unknown
  /** Milliseconds after which a retry makes sense. */
  retryAfterMs?: number
  /** Overrides what the code says. */
  kind?: ErrorKind
  /** Overrides what the code says. */
  isRetryable?: boolean
  /** Facts for programs: names, limits, received values. Never secrets. */
  details?: Readonly<Record<string, unknown>>
}

// Shared by every copy of this package in a process, so that `isInstance` works across versions and bundles.
const marker: unique symbol = Symbol.for('beamclaw.error') as never

/**
 * Base class of every error that BeamClaw throws on purpose: `code` states what happened, `cause` why.
 *
 * @example
 * if (BeamClawError.isInstance(error, 'session-busy')) await sleep(error.retryAfterMs ?? 1_000)
 */
export class BeamClawError extends Error {
  readonly [marker] = true
  /** A code of BeamClaw, or of another package that called `defineErrors`. */
  readonly code: ErrorCode | (string & {})
  /** Kind of the failure. */
  readonly kind: ErrorKind
  readonly isRetryable: boolean
  readonly retryAfterMs: number | undefined
  readonly details: Readonly<Record<string, unknown>>

  /** @param like the code, or another error, whose code and traits this one copies */
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

  /** Returns true for a BeamClaw error of any copy or version of this package, with the given code if there is one. */
  static isInstance(value: unknown, code?: BeamClawError['code']): value is BeamClawError {
    if (typeof value !== 'object' || value === null) return false
    try {
      return marker in value && (code === undefined || (value as BeamClawError).code === code)
    } catch {
      // A proxy whose traps throw.
      return false
    }
  }
}

/** Returns the kind that a code gives its errors; `internal` for a code that no package added. */
export function kindOf(code: string): ErrorKind {
  return traitsOf(code as ErrorCode).kind
}

/** Errors of `defineErrors` bring traits of their own. */
function traitsOf(code: ErrorCode): ErrorTraits {
  return knownTraits(code) ?? { kind: 'internal' }
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

/**
 * The error of a `call` or `cast` to a full mailbox; after `retryAfterMs` milliseconds there is probably room. Code `overloaded`.
 *
 * @example
 * if (error instanceof MailboxFullError) await sleep(error.retryAfterMs)
 */
export class MailboxFullError extends BeamClawError {
  constructor(message: string, retryAfterMs: number, details: Readonly<Record<string, unknown>>) {
    super('overloaded', message, { retryAfterMs, details })
  }
}

/**
 * The error of a child that failed to start; `childId` names it and `cause` is what it threw. Code `child-start-failed`.
 *
 * @example
 * if (error instanceof ChildStartError) console.error(error.childId, error.cause)
 */
export class ChildStartError extends BeamClawError {
  readonly childId: string

  constructor(childId: string, cause: unknown) {
    super('child-start-failed', `Child "${childId}" failed to start: ${describeError(cause)}`, { cause, details: { childId } })
    this.childId = childId
  }
}

/** Returns fields of a log entry with the stack of what was thrown. `stack` is a getter: formatting a stack costs more than a crash. */
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

/** Returns one line about a thrown value. */
export function describeError(error: unknown): string {
  // The message of a thrown value may be no text, or a getter that throws.
  try {
    if (error instanceof Error) return String(error.message || error.name)
  } catch {
    return 'an error that cannot be read'
  }
  if (typeof error === 'string') return error
  return `a thrown ${error === null ? 'null' : typeof error}`
}
