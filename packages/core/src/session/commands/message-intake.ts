/** The checks of a message before a session accepts it. Pure functions. */
import { BeamClawError } from '../../base/errors.ts'
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { MessageIn, QueueMode } from '../journal/records.ts'
import type { SessionState } from '../state/session-state.ts'

/** A message as a session receives it. */
export type NewMessage = Omit<MessageIn, 'type' | 'queueMode'> & { readonly type: 'send'; readonly queueMode: QueueMode | undefined }

/** Throws `idempotency-mismatch` for a message whose content differs from that of the earlier message with its key. */
export function checkSameMessage(key: SessionKey, { runId, fingerprint }: Pick<MessageIn, 'runId' | 'fingerprint'>, known?: string): void {
  if (known === undefined || fingerprint === undefined || known === fingerprint) return
  const problem = `The idempotency key "${runId}" of session "${key}" belongs to a message with different content`
  throw new BeamClawError('idempotency-mismatch', `${problem}. Send a new message under a new key, or the same content again.`, {
    details: { sessionKey: key, runId },
  })
}

/**
 * Returns the message of a run that was given up, to be sent again under a new key. Throws `unknown-run` when there is no such dead letter.
 * A repeated redrive gets the run that the first one started.
 */
export function redriven(
  { deadLetters, runs }: SessionState,
  { runId, newRunId }: { readonly runId: RunId; readonly newRunId: RunId },
  key: SessionKey,
): NewMessage {
  const letter = deadLetters.find((one) => one.runId === runId)
  if (letter?.message !== undefined) {
    const { at: _, message, ...rest } = letter
    return { ...rest, type: 'send', runId: newRunId, message, queueMode: 'queue', redrives: runId }
  }
  // The content is ignored for a known key.
  if (runs.has(newRunId)) return { type: 'send', runId: newRunId, message: { role: 'user', content: '' }, queueMode: 'queue' }
  const reason = letter === undefined ? 'no dead letter of that id' : 'its message was not kept by the version that gave it up'
  throw new BeamClawError('unknown-run', `Session "${key}" cannot redrive the run "${runId}": ${reason}`, { details: { runId } })
}
