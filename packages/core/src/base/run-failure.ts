/** Why a run failed, as a journal keeps it: plain data that an error is made to, and made of again in another process. */
import type { ErrorCode, ErrorKind } from './error-codes.ts'
import { BeamClawError, describeError, kindOf } from './errors.ts'
import { jsonProblemOf } from './json-problem.ts'
import type { JsonObject } from './messages.ts'
import { wellFormedJson } from './well-formed.ts'

/** Why a run failed: an error code, and a line for people. */
export interface RunFailure {
  readonly code: string
  readonly message: string
  /** Where the code alone does not say it: the code of another package, or an error that overrides the kind of its code. */
  readonly kind?: ErrorKind
  /** Facts for programs, as the error had them; absent where they are not JSON or take more than 4 KiB. */
  readonly details?: JsonObject
}

/** Bytes that the details of a failure may have as JSON. */
const maxDetailsBytes = 4_096

/** Returns what a journal keeps of a thrown value; `message` takes the place of its own. Never throws. */
export function runFailureOf(error: unknown, message: string = describeError(error)): RunFailure {
  if (!BeamClawError.isInstance(error)) return { code: 'internal', message }
  const { code, kind } = error
  const details = keptDetails(error)
  return {
    code,
    message,
    ...(typeof kind !== 'string' || kind === kindOf(code) ? {} : { kind }),
    ...(details === undefined ? {} : { details }),
  }
}

/** Returns the error of a failure; `about` adds to its details. */
export function errorOfFailure({ code, message, kind, details }: RunFailure, about: Readonly<Record<string, unknown>>): BeamClawError {
  return new BeamClawError(code as ErrorCode, message, { ...(kind === undefined ? {} : { kind }), details: { ...details, ...about } })
}

/** Returns a copy, or undefined for details that are empty, no plain object of JSON, or too large. */
function keptDetails(error: BeamClawError): JsonObject | undefined {
  try {
    const { details } = error
    if (typeof details !== 'object' || details === null || Array.isArray(details) || jsonProblemOf(details, 'details') !== undefined)
      return undefined
    const json = wellFormedJson(details) ?? '{}'
    if (json === '{}' || new TextEncoder().encode(json).length > maxDetailsBytes) return undefined
    return JSON.parse(json) as JsonObject
  } catch {
    // A getter or a proxy that throws.
    return undefined
  }
}
