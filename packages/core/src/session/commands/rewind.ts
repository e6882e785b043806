/** `rewind`: removes the last messages of the conversation. */
import { BeamClawError } from '../../base/errors.ts'
import { parseRunId } from '../../base/ids.ts'
import { Context, type StoredContext } from '../state/context.ts'
import { wholeUntil } from '../state/history-cut.ts'
import { type CommandContext, checkAtRest } from './command.ts'
import { entriesOf, summaryOf } from './transcript.ts'
import { withActivity } from './with-activity.ts'

export interface Rewind {
  readonly type: 'rewind'
  /** Number of messages to keep, counted from the oldest. */
  readonly toMessage: number
}

/** Where a conversation is cut, and the context that is left if memory does not have it. */
interface Cut {
  readonly kept: number
  readonly context?: StoredContext
}

export async function rewind(context: CommandContext, message: Rewind): Promise<number> {
  const { toMessage } = message
  const { key, state, journal, dependencies } = context
  checkAtRest(key, state)
  const { total, seq } = state
  if (toMessage >= total) {
    await journal.flush()
    return total
  }
  const cut = cutInMemory(context, toMessage) ?? (await cutInLog(context, toMessage))
  if (!context.isLoaded()) throw openedAnew(key)
  // Something was recorded while the log was read.
  if (state.seq !== seq) return rewind(context, message)
  const runId = parseRunId(dependencies.services.ids.next('rewind'))
  journal.stage({ type: 'history-rewind', runId, ...cut })
  await withActivity(context)
  return cut.kept
}

function cutInMemory({ state }: CommandContext, toMessage: number): Cut | undefined {
  const { context } = state.conversation
  if (toMessage < context.from) return undefined
  const messages = context.entries(context.from).map(({ message }) => message)
  const kept = context.from + wholeUntil(messages, toMessage - context.from)
  return context.canKeep(kept) ? { kept } : undefined
}

/** The newest summary that says nothing of the removed messages stands before the messages since. */
async function cutInLog(context: CommandContext, toMessage: number): Promise<Cut> {
  const place = context.state.conversation.transcript.summaryWithin(toMessage)
  const from = place?.from ?? 0
  // The message after the cut shows whether it falls between a call and its result.
  const entries = await entriesOf(context, from, toMessage + 1)
  const count = wholeUntil(
    entries.map(({ message }) => message),
    toMessage - from,
  )
  const summary = place === undefined ? undefined : await summaryOf(context, place)
  return { kept: from + count, context: Context.of(summary, from, entries.slice(0, count)).toStored() }
}

function openedAnew(key: string): BeamClawError {
  return new BeamClawError('session-busy', `Session "${key}" was opened anew while its journal was read; try again`, { retryAfterMs: 100 })
}
