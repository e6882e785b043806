/** Checks what a journal holds before it is folded: a damaged record stops its own session, and nothing else. Pure. */
import { BeamClawError } from '../../base/errors.ts'
import {
  assistantMessageOf,
  choiceOf,
  contentOf,
  countOf,
  eachOf,
  type Fail,
  fieldsOf,
  jsonOf,
  nameOf,
  stringOf,
  toolResultOf,
  usageOf,
} from '../../base/message-check.ts'
import type { LogEntry } from '../../ports/store.ts'
import { entryOf, type JournalEntry } from './records.ts'

export const runOutcomes = ['completed', 'failed', 'aborted'] as const
export const finishReasons = ['stop', 'tool-calls', 'length', 'content-filter', 'other'] as const
const queueModes = ['queue', 'steer', 'collect', 'interrupt', 'reject'] as const
const toolOutcomes = ['ok', 'error', 'unknown', 'cancelled'] as const

/** Returns the entry that a record holds. Throws `log-corrupt` for a record that no version of BeamClaw writes, or only a later one. */
export function checkedEntry(record: LogEntry): JournalEntry {
  const entry = entryOf(record)
  const type = String(record.type).slice(0, 64)
  const fail: Fail = (problem) => new BeamClawError('log-corrupt', `Record ${record.seq} (${type}): ${problem}`)
  const check = checks[entry.type] as ((data: Readonly<Record<string, unknown>>, fail: Fail) => void) | undefined
  if (check === undefined || !Object.hasOwn(checks, entry.type)) {
    throw new BeamClawError('log-corrupt', `A record of type "${type}" is not known to this version`)
  }
  const data = fieldsOf(record.data, 'data', fail)
  nameOf(data.runId, 'runId', fail)
  check(data, fail)
  return entry
}

/** Checks an accepted message, from a record or from a snapshot. */
export function checkMessageIn(data: Readonly<Record<string, unknown>>, path: string, fail: Fail): void {
  const message = fieldsOf(data.message, `${path}message`, fail)
  contentOf(message.content, `${path}message.content`, fail)
  choiceOf(data.queueMode, queueModes, `${path}queueMode`, fail)
  if (data.responseFormat !== undefined) fieldsOf(data.responseFormat, `${path}responseFormat`, fail)
}

export function checkFailure(value: unknown, path: string, fail: Fail): void {
  const failure = fieldsOf(value, path, fail)
  stringOf(failure.code, `${path}.code`, fail)
  stringOf(failure.message, `${path}.message`, fail)
}

type Check = (data: Readonly<Record<string, unknown>>, fail: Fail) => void

const runOnly: Check = () => {}

const checks: { readonly [K in JournalEntry['type']]: Check } = {
  'message-in': (data, fail) => checkMessageIn(data, '', fail),
  'run-start': ({ merged = [] }, fail) => void eachOf(merged, 'merged', fail, nameOf),
  'run-resume': runOnly,
  'run-pause': runOnly,
  'run-steer': ({ from }, fail) => void nameOf(from, 'from', fail),
  'run-cancel': ({ reason }, fail) => void choiceOf(reason, ['abort', 'interrupt'], 'reason', fail),
  'model-request': ({ turn, attempt, model }, fail) => {
    countOf(turn, 'turn', fail)
    countOf(attempt, 'attempt', fail)
    stringOf(model, 'model', fail)
  },
  'model-response': ({ turn, message, finish, usage }, fail) => {
    countOf(turn, 'turn', fail)
    assistantMessageOf(message, 'message', fail)
    choiceOf(finish, finishReasons, 'finish', fail)
    usageOf(usage, 'usage', fail)
  },
  'model-failure': ({ turn, attempt, failure }, fail) => {
    countOf(turn, 'turn', fail)
    countOf(attempt, 'attempt', fail)
    checkFailure(failure, 'failure', fail)
  },
  'tool-intent': ({ turn, toolCallId, name, input }, fail) => {
    countOf(turn, 'turn', fail)
    stringOf(toolCallId, 'toolCallId', fail)
    stringOf(name, 'name', fail)
    jsonOf(input, 'input', fail)
  },
  'tool-outcome': ({ turn, outcome, result }, fail) => {
    countOf(turn, 'turn', fail)
    choiceOf(outcome, toolOutcomes, 'outcome', fail)
    toolResultOf(result, 'result', fail)
  },
  'history-compact': ({ summary, dropped, usage }, fail) => {
    stringOf(summary, 'summary', fail)
    countOf(dropped, 'dropped', fail)
    usageOf(usage, 'usage', fail)
  },
  'run-end': ({ outcome, failure }, fail) => {
    choiceOf(outcome, runOutcomes, 'outcome', fail)
    if (failure !== undefined) checkFailure(failure, 'failure', fail)
  },
}
