/** `abort`: ends a waiting or active run. */
import type { RunId } from '../../base/ids.ts'
import { type AbortReceipt, abortReceipt } from '../session-replies.ts'
import { isParked } from '../state/run-approvals.ts'
import { type CommandContext, listedFirst } from './command.ts'

export interface Abort {
  readonly type: 'abort'
  /** Undefined for the active run. */
  readonly runId: RunId | undefined
}

export async function abort(context: CommandContext, message: Abort): Promise<AbortReceipt> {
  const { current } = context.state
  if (current !== undefined && isParked(current)) await listedFirst(context)
  try {
    return await abortNow(context, message)
  } finally {
    // A run that waits for its agent has no active loop that could end it.
    context.drive()
  }
}

async function abortNow({ state, journal, loop }: CommandContext, { runId: wanted }: Abort): Promise<AbortReceipt> {
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
  return receipt
}
