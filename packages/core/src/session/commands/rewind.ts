/** `rewind`: removes the last messages of the conversation. */
import { parseRunId } from '../../base/ids.ts'
import { wholeUntil } from '../state/history-cut.ts'
import { type CommandContext, checkAtRest } from './command.ts'
import { withActivity } from './with-activity.ts'

export interface Rewind {
  readonly type: 'rewind'
  /** Number of messages to keep, counted from the oldest. */
  readonly toMessage: number
}

export async function rewind(context: CommandContext, { toMessage }: Rewind): Promise<number> {
  const { key, state, journal, dependencies } = context
  checkAtRest(key, state)
  if (toMessage >= state.history.length) {
    const total = state.history.length
    await journal.flush()
    return total
  }
  const kept = wholeUntil(state.history, toMessage)
  const runId = parseRunId(dependencies.services.ids.next('rewind'))
  journal.stage({ type: 'history-rewind', runId, kept })
  await withActivity(context)
  return kept
}
