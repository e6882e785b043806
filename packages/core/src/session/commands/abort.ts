/** `abort`: ends a waiting or active run. */
import type { RunId } from '../../base/ids.ts'
import { type AbortReceipt, abortReceipt } from '../session-replies.ts'
import type { CommandContext } from './command.ts'

export interface Abort {
  readonly type: 'abort'
  /** Undefined for the active run. */
  readonly runId: RunId | undefined
}

export async function abort({ state, journal, loop, drive }: CommandContext, { runId: wanted }: Abort): Promise<AbortReceipt> {
  const { current } = state
  const runId = wanted ?? current?.runId
  if (runId === undefined) return abortReceipt(undefined, undefined)
  const known = state.runs.get(runId)
  let receipt = abortReceipt(runId, known)
  if (current?.members.includes(runId) === true) {
    if (current.cancelled === undefined) journal.stage({ type: 'run-cancel', runId: current.runId, reason: 'abort' })
    loop.interruptStep('abort')
    receipt = { runId, wasAborted: true, status: 'running' }
  } else if (known?.status === 'waiting') {
    journal.stage({ type: 'run-cancel', runId, reason: 'abort' }, { type: 'run-end', runId, outcome: 'aborted' })
    receipt = { runId, wasAborted: true, status: 'aborted' }
  }
  await journal.flush()
  // A run that waits for its agent has no active loop that could end it.
  drive()
  return receipt
}
