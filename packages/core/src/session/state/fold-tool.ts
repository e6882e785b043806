/** Records of tool calls. */
import { choiceOf, countOf, jsonOf, stringOf, toolResultOf } from '../../base/message-check.ts'
import type { RecordFamily } from '../journal/record-family.ts'
import type { ToolDone, ToolIntent } from '../journal/records.ts'

const toolOutcomes = ['ok', 'error', 'unknown', 'cancelled'] as const

export const toolRecords: RecordFamily<ToolIntent | ToolDone> = {
  'tool-intent': {
    check({ turn, toolCallId, name, input }, fail) {
      countOf(turn, 'turn', fail)
      stringOf(toolCallId, 'toolCallId', fail)
      stringOf(name, 'name', fail)
      jsonOf(input, 'input', fail)
    },
    fold(state, { runId, type, toolCallId }) {
      const run = state.runUnderWay(runId, type)
      run.begun.add(toolCallId)
      run.underWay.add(toolCallId)
    },
    event: ({ toolCallId, name, input, turn }, head) => ({ type: 'tool-call', ...head, turn, toolCallId, name, input }),
  },
  'tool-outcome': {
    check({ turn, outcome, result }, fail) {
      countOf(turn, 'turn', fail)
      choiceOf(outcome, toolOutcomes, 'outcome', fail)
      toolResultOf(result, 'result', fail)
    },
    fold(state, { runId, type, result, outcome }) {
      const run = state.runUnderWay(runId, type)
      run.results.set(result.toolCallId, result)
      run.underWay.delete(result.toolCallId)
      // Closing a call that took the session down is no progress.
      if (outcome === 'ok' || outcome === 'error') run.crashes = 0
      const calls = run.response?.calls ?? []
      const results = calls.map((call) => run.results.get(call.id)).filter((one) => one !== undefined)
      if (calls.length === 0 || results.length < calls.length) return
      // In the order of the calls, whatever order they finished in.
      state.remember({ role: 'tool', content: results }, runId)
      const turn = JSON.stringify([
        calls.map(({ name, input }) => [name, input]),
        results.map(({ content, isError }) => [content, isError]),
      ])
      run.sameTurns = turn === run.lastTurn ? run.sameTurns + 1 : 1
      run.lastTurn = turn
    },
    event: ({ turn, outcome, result }, head) => ({ type: 'tool-result', ...head, turn, outcome, result }),
  },
}
