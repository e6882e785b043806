/** Records of calls to a model. */
import { assistantMessageOf, choiceOf, countOf, stringOf, usageOf } from '../../base/message-check.ts'
import { checkFailure, finishReasons } from '../journal/record-check.ts'
import type { RecordFamily } from '../journal/record-family.ts'
import type { ModelFailure, ModelRequest, ModelResponse } from '../journal/records.ts'
import { spend } from './run-state.ts'

export const modelRecords: RecordFamily<ModelRequest | ModelResponse | ModelFailure> = {
  'model-request': {
    check({ turn, attempt, model }, fail) {
      countOf(turn, 'turn', fail)
      countOf(attempt, 'attempt', fail)
      stringOf(model, 'model', fail)
    },
    fold(state, { runId, type, turn, attempt, model }) {
      const run = state.runUnderWay(runId, type)
      run.turn = turn
      run.attempt = attempt
      run.model = model
      run.response = undefined
      run.failure = undefined
      run.begun.clear()
      run.underWay.clear()
      run.results.clear()
    },
    event: ({ turn, attempt, model }, head) => ({ type: 'model-request', ...head, turn, attempt, model }),
  },
  'model-response': {
    check({ turn, message, finish, usage }, fail) {
      countOf(turn, 'turn', fail)
      assistantMessageOf(message, 'message', fail)
      choiceOf(finish, finishReasons, 'finish', fail)
      usageOf(usage, 'usage', fail)
    },
    fold(state, { runId, type, message, finish, usage }) {
      const run = state.runUnderWay(runId, type)
      state.remember(message, runId)
      const calls = message.content.filter((part) => part.type === 'tool-call')
      // Earlier versions recorded answers in which two calls share an id. Such calls have one result.
      const distinct = calls.filter(({ id }, index) => calls.findIndex((call) => call.id === id) === index)
      run.response = { message, finish, calls: distinct }
      run.failure = undefined
      spend(run, run.model, usage)
    },
    event: ({ turn, message, finish, usage }, head) => ({ type: 'message', ...head, turn, message, finish, usage }),
  },
  'model-failure': {
    check({ turn, attempt, failure }, fail) {
      countOf(turn, 'turn', fail)
      countOf(attempt, 'attempt', fail)
      checkFailure(failure, 'failure', fail)
    },
    fold(state, entry) {
      state.runUnderWay(entry.runId, entry.type).failure = entry
    },
    event: ({ turn, attempt, failure }, head) => ({ type: 'model-failure', ...head, turn, attempt, failure }),
  },
}
