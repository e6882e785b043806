/** The error codes of stores, providers, sessions and runs, with the kind of each, beside those of actors. */
import type { ErrorTraits } from '@beamclaw/actor'
import { addErrorCodes } from '@beamclaw/actor/internal'

export type { ErrorCode, ErrorKind, ErrorTraits } from '@beamclaw/actor'

const sessionErrors = {
  // Names and input
  'invalid-session-key': { kind: 'caller' },
  'invalid-id': { kind: 'caller' },
  'invalid-message': { kind: 'caller' },
  // Stopping
  'stop-timeout': { kind: 'timeout' },
  // Calls between sessions
  'call-depth': { kind: 'caller' },
  // Events
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
  'store-replaced': { kind: 'unavailable' },
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
  'index-rebuilding': { kind: 'busy', isRetryable: true },
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
  // Commands, processes and approvals
  'sandbox-unavailable': { kind: 'unavailable' },
  'command-refused': { kind: 'forbidden' },
  'command-not-found': { kind: 'missing' },
  'command-ended': { kind: 'gone' },
  'path-outside-workspace': { kind: 'forbidden' },
  'unknown-process': { kind: 'missing' },
  'too-many-processes': { kind: 'limited' },
  'unknown-sub-agent': { kind: 'missing' },
  'too-many-sub-agents': { kind: 'limited' },
  'unknown-approval': { kind: 'missing' },
  'already-resolved': { kind: 'conflict' },
  // The web
  'url-refused': { kind: 'forbidden' },
  'fetch-failed': { kind: 'upstream' },
  'browser-unavailable': { kind: 'unavailable' },
  draining: { kind: 'unavailable', isRetryable: true },
  // Between nodes
  'node-gone': { kind: 'unavailable', isRetryable: true },
  'node-id-taken': { kind: 'conflict' },
  'unknown-node': { kind: 'missing' },
  'last-node': { kind: 'conflict' },
  'node-isolated': { kind: 'unavailable', isRetryable: true },
  moved: { kind: 'unavailable', isRetryable: true },
  'unknown-message': { kind: 'internal' },
  'log-too-new': { kind: 'unavailable' },
} as const satisfies Readonly<Record<string, ErrorTraits>>

declare module '@beamclaw/actor/internal' {
  interface ErrorCodes extends Readonly<Record<keyof typeof sessionErrors, ErrorTraits>> {}
}

addErrorCodes(sessionErrors)
