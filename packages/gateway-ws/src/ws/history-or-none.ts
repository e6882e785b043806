/** The history of a session that may not have begun: clients look at a conversation before they send its first message. */
import { BeamClawError, type SessionHandle, type SessionHistory } from '@beamclaw/core'

const none: SessionHistory = { messages: [], total: 0, runs: [], seq: 0 }

/** Returns the history, which is empty for a session that nobody has written to; nothing of such a session is left behind. */
export async function historyOrNone(handle: SessionHandle, options: { readonly limit: number }): Promise<SessionHistory> {
  try {
    return await handle.history(options)
  } catch (error) {
    if (BeamClawError.isInstance(error, 'unknown-session')) return none
    throw error
  }
}
