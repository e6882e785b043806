/** Records that change the history as a whole. */
import { countOf, stringOf, usageOf } from '../../base/message-check.ts'
import type { RecordFamily } from '../journal/record-family.ts'
import type { HistoryCompact } from '../journal/records.ts'
import { type RunState, spend } from './run-state.ts'

export const historyRecords: RecordFamily<HistoryCompact> = {
  'history-compact': {
    check({ summary, dropped, usage, model }, fail) {
      stringOf(summary, 'summary', fail)
      countOf(dropped, 'dropped', fail)
      usageOf(usage, 'usage', fail)
      if (model !== undefined) stringOf(model, 'model', fail)
    },
    fold(state, { summary, dropped, usage, model, runId }) {
      const content = `Summary of the conversation so far:\n\n${summary}`
      state.replaceOldest(dropped, { role: 'user', content }, runId)
      const { current } = state
      if (current === undefined) return
      current.compactedAt = compactedBefore(current)
      current.failure = undefined
      spend(current, model ?? current.model, usage)
    },
    event: ({ dropped }, head) => ({ type: 'history-compact', ...head, dropped }),
  },
}

/** Returns the turn that is asked for after a summary. One that did not fit counts as over: it is summed up once. */
function compactedBefore({ turn, response, failure }: RunState): number {
  return response === undefined && failure === undefined ? Math.max(1, turn) : turn + 1
}
