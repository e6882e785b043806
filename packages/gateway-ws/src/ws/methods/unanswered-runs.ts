/** Runs that ended without an answer: aborted or failed. */
import { BeamClawError, type Message, type SessionHandle, type SessionHistory } from '@beamclaw/core'
import type { UnansweredRun } from '@beamclaw/protocol'
import { publicText } from '../../public-text.ts'

/** Messages without an answer that are looked into; the newest ones. */
const maxLookups = 50

/** Those of these messages whose runs are over and came to nothing, as far as the session remembers. */
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
    // The session has forgotten it.
    if (BeamClawError.isInstance(error, 'unknown-run')) return undefined
    throw error
  }
}
