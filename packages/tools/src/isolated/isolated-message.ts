/** What isolated code tells the tool: progress, then its result or its failure. */
import { BeamClawError, type JsonValue } from '@beamclaw/core'

export type IsolatedMessage =
  | { readonly type: 'progress'; readonly data: JsonValue }
  | { readonly type: 'done'; readonly output: JsonValue }
  | { readonly type: 'failed'; readonly message: string; readonly isRetryable: boolean }

/** Returns a message from the other side; undefined for anything else, which the code itself may have sent. */
export function messageOf(value: unknown): IsolatedMessage | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { type, message, output = null, data = null, isRetryable } = value as Readonly<Record<string, unknown>>
  if (type === 'progress') return { type, data: data as JsonValue }
  if (type === 'done') return { type, output: output as JsonValue }
  return type === 'failed' && typeof message === 'string' ? { type, message, isRetryable: isRetryable === true } : undefined
}

/** Returns the error of code that has failed, or that has ended without a word. */
export function isolatedFailure(message: string, isRetryable = false): BeamClawError {
  return new BeamClawError('tool-failed', message.slice(0, 10_000), isRetryable ? { isRetryable } : {})
}
