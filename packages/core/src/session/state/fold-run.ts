/** Records of messages and their runs: accepted, started, joined, cancelled, ended. */
import { deepFreeze } from '../../base/deep-freeze.ts'
import { choiceOf, eachOf, nameOf } from '../../base/message-check.ts'
import { zeroUsage } from '../../base/messages.ts'
import { checkFailure, checkMessageIn, runOutcomes } from '../journal/record-check.ts'
import { type RecordFamily, runOnly } from '../journal/record-family.ts'
import type { MessageIn, RunCancel, RunEnd, RunPause, RunResume, RunStart, RunSteer } from '../journal/records.ts'
import type { EndedRun } from './known-run.ts'
import { depthOf, newRun, type RunState, unknownOutcome } from './run-state.ts'
import type { SessionState } from './session-state.ts'

/** Number of dead letters that a session keeps. One more drops the oldest. */
const keptDeadLetters = 100

export const runRecords: RecordFamily<MessageIn | RunStart | RunResume | RunPause | RunSteer | RunCancel | RunEnd> = {
  'message-in': {
    check: (data, fail) => checkMessageIn(data, '', fail),
    fold(state, message) {
      if (message.queueMode === 'interrupt') state.waiting.unshift(message)
      else state.waiting.push(message)
      state.addRun(message.runId, message.fingerprint)
      const { redrives } = message
      if (redrives !== undefined) state.deadLetters = state.deadLetters.filter(({ runId }) => runId !== redrives)
    },
    event: ({ message }, head) => ({ type: 'message-accepted', ...head, message }),
  },
  'run-start': {
    check: ({ merged = [] }, fail) => void eachOf(merged, 'merged', fail, nameOf),
    fold(state, { runId, merged = [] }) {
      const members = [runId, ...merged]
      // The run was cancelled just before it started. Messages that were to be merged into it keep waiting.
      if (!state.waiting.some((message) => message.runId === runId)) return
      const messages = members.map((member) => state.takeWaiting(member)).filter((message) => message !== undefined)
      for (const message of messages) state.rememberAccepted(message)
      for (const member of members) state.mark(member, 'running', runId)
      state.current = newRun(runId, members, messages)
    },
    event: ({ merged = [] }, head) => ({ type: 'run-start', ...head, merged }),
  },
  'run-resume': {
    check: runOnly,
    fold(state, { runId, type, isSuspect, isCleared }) {
      const run = state.runUnderWay(runId, type)
      if (isSuspect === true) run.crashes++
      if (isCleared === true) run.crashes = 0
      run.isPaused = false
      run.underWay.clear()
    },
    event: (_, head) => ({ type: 'run-resume', ...head }),
  },
  'run-pause': {
    check: runOnly,
    fold(state, { runId, type }) {
      state.runUnderWay(runId, type).isPaused = true
    },
    event: (_, head) => ({ type: 'run-pause', ...head }),
  },
  'run-steer': {
    check: ({ from }, fail) => void nameOf(from, 'from', fail),
    fold: steer,
    event: ({ from }, head) => ({ type: 'run-steer', ...head, from }),
  },
  'run-cancel': {
    check: ({ reason }, fail) => void choiceOf(reason, ['abort', 'interrupt'], 'reason', fail),
    fold(state, { runId, reason }) {
      if (state.current?.runId === runId) state.current.cancelled = reason
      else if (state.takeWaiting(runId) !== undefined) state.cancelled.push(runId)
    },
    event: (_, head) => ({ type: 'run-cancel', ...head }),
  },
  'run-end': {
    check({ outcome, failure }, fail) {
      choiceOf(outcome, runOutcomes, 'outcome', fail)
      if (failure !== undefined) checkFailure(failure, 'failure', fail)
    },
    fold: endRun,
    event: ({ outcome, failure }, head) => ({ type: 'run-end', ...head, outcome, ...(failure === undefined ? {} : { failure }) }),
  },
}

function steer(state: SessionState, { runId, type, from }: RunSteer): void {
  const run = state.runUnderWay(runId, type)
  const message = state.takeWaiting(from)
  if (message === undefined) return
  state.rememberAccepted(message)
  run.members.push(from)
  run.messages.push(message)
  run.responseFormat = message.responseFormat ?? run.responseFormat
  run.settings = { ...run.settings, ...message.settings }
  if (message.context !== undefined) {
    run.context = message.context
    run.contextBy = message.contextBy
  }
  run.depth = depthOf(run.messages)
  state.mark(from, 'running', run.runId)
  run.sameTurns = 0
  // Another message may join before the next turn is requested.
  if (run.response === undefined) return
  // The turn is over, and the next turn includes the message.
  run.response = undefined
  run.attempt = 0
  run.turn++
}

function endRun(state: SessionState, { runId, outcome, failure }: RunEnd): void {
  const { current } = state
  const isCurrent = current?.runId === runId
  const members = isCurrent ? current.members : [runId]
  const ended: EndedRun = deepFreeze({
    outcome,
    at: state.at,
    usage: isCurrent ? current.usage : zeroUsage,
    usageByModel: isCurrent ? current.usageByModel : [],
    ...(isCurrent && current.response !== undefined ? { message: current.response.message, finish: current.response.finish } : {}),
    ...(failure === undefined ? {} : { failure }),
  })
  if (isCurrent) closeCalls(state, current)
  state.cancelled = state.cancelled.filter((cancelled) => cancelled !== runId)
  for (const member of members) {
    state.takeWaiting(member)
    state.mark(member, outcome, runId, ended)
  }
  if (failure?.code === 'poison-message') keepDeadLetters(state, runId, isCurrent ? current.messages : [])
  if (isCurrent) state.current = undefined
  state.forgetOldRuns()
}

/** Adds a result for each open call: a run whose outcome the store refused ends mid-turn, and models reject a call without a result. */
function closeCalls(state: SessionState, { runId, response, results }: RunState): void {
  const calls = response?.calls ?? []
  if (calls.every(({ id }) => results.has(id))) return
  const content = calls.map((call) => results.get(call.id) ?? unknownOutcome(call))
  state.remember({ role: 'tool', content }, runId)
}

function keepDeadLetters(state: SessionState, runId: MessageIn['runId'], messages: readonly MessageIn[]): void {
  const letters = messages.map(({ type: _, queueMode: __, redrives: ___, ...message }) => ({ ...message, at: state.at }))
  state.deadLetters = [...state.deadLetters, ...(letters.length > 0 ? letters : [{ runId, at: state.at }])].slice(-keptDeadLetters)
}
