/** Records that change the history as a whole. */
import { countOf, eachOf, type Fail, fieldsOf, messageOf, nameOf, stringOf, usageOf } from '../../base/message-check.ts'
import type { Message } from '../../base/messages.ts'
import { checkImportedContext, checkStoredContext } from '../journal/context-check.ts'
import type { RecordFamily } from '../journal/record-family.ts'
import type { HistoryCompact, HistoryImport, HistoryRewind } from '../journal/records.ts'
import { checkSettingsFields } from '../session-settings.ts'
import { type RunState, spend } from './run-state.ts'

export const historyRecords: RecordFamily<HistoryCompact | HistoryRewind | HistoryImport> = {
  'history-compact': {
    check({ summary, dropped, usage, model }, fail) {
      stringOf(summary, 'summary', fail)
      countOf(dropped, 'dropped', fail)
      usageOf(usage, 'usage', fail)
      if (model !== undefined) stringOf(model, 'model', fail)
    },
    fold(state, { summary, dropped, usage, model }) {
      state.summarise(dropped, summary)
      const { current } = state
      if (current === undefined) return
      current.compactedAt = compactedBefore(current)
      current.failure = undefined
      spend(current, model ?? current.model, usage)
    },
    event: ({ dropped }, head) => ({ type: 'history-compact', ...head, dropped }),
  },
  'history-rewind': {
    check({ kept, context }, fail) {
      countOf(kept, 'kept', fail)
      if (context !== undefined) checkStoredContext(context, 'context', fail)
    },
    fold: (state, { kept, context }) => state.keepOldest(kept, context),
    event: ({ kept }, head) => ({ type: 'history-rewind', ...head, kept }),
  },
  'history-import': {
    check({ messages, context, settings }, fail) {
      const all = eachOf(messages, 'messages', fail, checkImported)
      if (context !== undefined) checkImportedContext(context, all, fail)
      if (settings !== undefined) checkSettingsFields(settings, fail)
    },
    fold(state, { messages, context, settings, runId }) {
      for (const { message, createdAt: at, runId: from, handOff } of messages) state.remember(message, from ?? runId, { at, handOff })
      if (context !== undefined) state.summarise(context.from, context.summary)
      state.importedSettings = settings
    },
    event: ({ messages }, head) => ({ type: 'history-import', ...head, messages: messages.length }),
  },
}

function checkImported(value: unknown, path: string, fail: Fail): Message {
  const { message, createdAt, runId, handOff } = fieldsOf(value, path, fail)
  const imported = messageOf(message, `${path}.message`, fail)
  if (createdAt !== undefined) countOf(createdAt, `${path}.createdAt`, fail)
  if (runId !== undefined) nameOf(runId, `${path}.runId`, fail)
  if (handOff !== undefined) nameOf(handOff, `${path}.handOff`, fail)
  return imported
}

/** Returns the turn that follows a summary. A turn that did not fit into the context window counts as over, so its history is summarised once. */
function compactedBefore({ turn, response, failure }: RunState): number {
  return response === undefined && failure === undefined ? Math.max(1, turn) : turn + 1
}
