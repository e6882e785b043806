/** The events of a session, beginning with its oldest unfinished run. */
import { BeamClawError, type RunEvent, type SessionHandle, type SessionInspection } from '@beamclaw/core'
import { historyOrNone } from '../history-or-none.ts'

export interface SessionFeed {
  readonly events: AsyncIterable<RunEvent>
  /**
   * Returns true for an event to skip: of a run that was over before the feed was opened, or a piece of an answer whose beginning was
   * published before that. The text of such an answer is sent when it is complete.
   */
  readonly isSkipped: (event: RunEvent) => boolean
}

type PartialAnswer = NonNullable<SessionInspection['current']>

/** Number of messages that are searched for runs that are over. */
const lookBack = 100

/** Opens the feed. No event after its resolution is missed. */
export async function openFeed(handle: SessionHandle, signal: AbortSignal): Promise<SessionFeed> {
  const { messages, runs, seq } = await historyOrNone(handle, { limit: lookBack })
  const open = new Set<string>(runs.map(({ runId }) => runId))
  const over = new Set<string>(messages.map(({ runId }) => runId).filter((runId) => !open.has(runId)))
  // A session without messages is watched from its first message on.
  const events = handle.subscribe(Math.min(seq + 1, ...runs.map((run) => run.seq)), { signal, waitForFirstMessage: true })
  // Inspected after subscribing, so that no beginning is missed.
  const { current } = (await unlessUnknown(handle.inspect())) ?? {}
  const partial = current?.waitsFor === 'model' ? current : undefined
  return { events, isSkipped: (event) => over.has(event.runId) || isOf(partial, event) }
}

/** Resolves with undefined for a session without messages. */
async function unlessUnknown<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (BeamClawError.isInstance(error, 'unknown-session')) return undefined
    throw error
  }
}

/** Returns true for a piece of an answer that began before the feed was opened. */
function isOf(partial: PartialAnswer | undefined, event: RunEvent): boolean {
  if (partial === undefined || event.type !== 'text-delta' || event.runId !== partial.runId) return false
  return event.turn < partial.turn || (event.turn === partial.turn && event.attempt <= partial.attempt)
}
