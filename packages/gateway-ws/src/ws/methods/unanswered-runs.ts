/** Runs that ended without an answer: aborted or failed. */
import { BeamClawError, type Message, type SessionHandle, type SessionHistory } from '@beamclaw/core'
import type { UnansweredRun } from '@beamclaw/protocol'
import { publicText } from '../../public-text.ts'

/** Maximum number of unanswered messages to look up; the newest ones. */
const maxLookups = 50

/** Returns the runs of these messages that ended without an answer, as far as the session remembers. */
export async function unansweredRuns(handle: SessionHandle, { messages, runs }: SessionHistory): Promise<readonly UnansweredRun[]> {
  const last = new Map<string, Message>(messages.map(({ message, runId }) => [runId, message]))
  for (const { runId } of runs) last.delete(runId)
  const open = [...last].filter(([, message]) => !isAnswer(message)).slice(-maxLookups)
  const found = await Promise.all(open.map(([runId]) => lookUp(handle, runId)))
  return found.filter((run) => run !== undefined)
}

function isAnswer({ role, content }: Message): boolean {
  return role === 'assistant' && (typeof content === 'string' || !content.some(({ type }) => type === 'tool-call'))
}

async function lookUp(handle: SessionHandle, runId: string): Promise<UnansweredRun | undefined> {
  try {
    const { ended } = await handle.follow(runId).accepted
    if (ended === undefined || ended.outcome === 'completed') return undefined
    const { outcome, failure } = ended
    if (failure === undefined) return { runId, outcome }
    return { runId, outcome, code: failure.code, errorMessage: publicText(failure.code, failure.message) }
  } catch (error) {
    // The session does not remember the run.
    if (BeamClawError.isInstance(error, 'unknown-run')) return undefined
    throw error
  }
}
