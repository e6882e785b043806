/** Records of tool calls. */
import { deepFreeze } from '../../base/deep-freeze.ts'
import { choiceOf, countOf, jsonOf, modelUsageOf, nameOf, stringOf, toolResultOf } from '../../base/message-check.ts'
import type { RecordFamily } from '../journal/record-family.ts'
import type { ToolDone, ToolIntent } from '../journal/records.ts'
import { spend } from './run-state.ts'

const toolOutcomes = ['ok', 'error', 'unknown', 'cancelled'] as const

export const toolRecords: RecordFamily<ToolIntent | ToolDone> = {
  'tool-intent': {
    check({ turn, toolCallId, name, input }, fail) {
      countOf(turn, 'turn', fail)
      stringOf(toolCallId, 'toolCallId', fail)
      stringOf(name, 'name', fail)
      jsonOf(input, 'input', fail)
    },
    fold(state, { runId, type, toolCallId, input }) {
      const run = state.runUnderWay(runId, type)
      run.begun.set(toolCallId, input)
      run.underWay.add(toolCallId)
    },
    event: ({ toolCallId, name, input, turn }, head) => ({ type: 'tool-call', ...head, turn, toolCallId, name, input }),
  },
  'tool-outcome': {
    check({ turn, outcome, result, usage, handOff }, fail) {
      countOf(turn, 'turn', fail)
      choiceOf(outcome, toolOutcomes, 'outcome', fail)
      toolResultOf(result, 'result', fail)
      if (usage !== undefined) modelUsageOf(usage, 'usage', fail)
      if (handOff !== undefined) nameOf(handOff, 'handOff', fail)
    },
    fold(state, { runId, type, result, outcome, usage = [], handOff }) {
      const run = state.runUnderWay(runId, type)
      run.results.set(result.toolCallId, deepFreeze(result))
      run.underWay.delete(result.toolCallId)
      for (const [id, { request }] of run.approvals) if (request.toolCallId === result.toolCallId) run.approvals.delete(id)
      for (const one of usage) spend(run, one.model, one.usage)
      run.handOff = handOff ?? run.handOff
      // A result for a call that crashed the session is no progress.
      if (outcome === 'ok' || outcome === 'error') run.crashes = 0
      const calls = run.response?.calls ?? []
      const results = calls.map((call) => run.results.get(call.id)).filter((one) => one !== undefined)
      if (calls.length === 0 || results.length < calls.length) return
      // The results stand in the order of the calls, not in the order in which they finished.
      // All calls of one turn belong to one agent, so the hand-off is recorded with the last of their results.
      state.remember({ role: 'tool', content: results }, runId, { handOff: run.handOff })
      run.handOff = undefined
      const turn = JSON.stringify([
        calls.map(({ name, input }) => [name, input]),
        results.map(({ content, isError }) => [content, isError]),
      ])
      run.sameTurns = turn === run.lastTurn ? run.sameTurns + 1 : 1
      run.lastTurn = turn
    },
    event: ({ turn, outcome, result, usage, handOff }, head) => ({
      type: 'tool-result',
      ...head,
      turn,
      toolCallId: result.toolCallId,
      name: result.name,
      outcome,
      result,
      ...(usage === undefined ? {} : { usage }),
      ...(handOff === undefined ? {} : { handOff }),
    }),
  },
}
