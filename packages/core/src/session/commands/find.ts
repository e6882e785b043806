/** `find`: returns the progress of a run. */
import { BeamClawError } from '../../base/errors.ts'
import type { RunId } from '../../base/ids.ts'
import { type SendReceipt, sendReceipt } from '../session-replies.ts'
import type { CommandContext } from './command.ts'

export interface Find {
  readonly type: 'find'
  readonly runId: RunId
}

export async function find({ key, state, journal }: CommandContext, { runId }: Find): Promise<SendReceipt> {
  const known = state.runs.get(runId)
  if (known === undefined) throw new BeamClawError('unknown-run', `Session "${key}" does not know the run "${runId}"`)
  const receipt = sendReceipt(runId, known)
  await journal.flush()
  return receipt
}
