/** The history of a session that may not exist yet: clients open a conversation before its first message. */
import { BeamClawError, type HistoryOptions, type SessionHandle, type SessionHistory } from '@beamclaw/core'

const none: SessionHistory = { messages: [], total: 0, runs: [], seq: 0 }

/** Returns the history; empty for a session without messages, which is not created by the call. */
export async function historyOrNone(handle: SessionHandle, options: HistoryOptions): Promise<SessionHistory> {
  try {
    return await handle.history(options)
  } catch (error) {
    if (BeamClawError.isInstance(error, 'unknown-session')) return none
    throw error
  }
}
