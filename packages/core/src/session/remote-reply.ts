/**
 * Reads what another node replies for a session: it may be forged, or come from another version. What callers rely on is checked, and no more: a transcript is
 * long, and its node has checked it.
 */
import { BeamClawError } from '../base/errors.ts'
import { assistantMessageOf, choiceOf, countOf, eachOf, type Fail, fieldsOf, modelUsageOf, nameOf, usageOf } from '../base/message-check.ts'
import { checkFailure, runOutcomes } from './journal/record-check.ts'
import type { SessionMessage } from './session.ts'

type Check = (reply: unknown, fail: Fail) => void

const checks: Readonly<Record<SessionMessage['type'], Check>> = {
  send: receipt,
  redrive: receipt,
  find: receipt,
  abort(reply, fail) {
    const { runId, wasAborted, status } = fieldsOf(reply, 'the reply', fail)
    if (runId !== undefined) nameOf(runId, 'runId', fail)
    yesOrNo(wasAborted, fail)
    nameOf(status, 'status', fail)
  },
  history(reply, fail) {
    const { messages, total, runs, seq } = fieldsOf(reply, 'the reply', fail)
    eachOf(messages, 'messages', fail, entry)
    countOf(total, 'total', fail)
    eachOf(runs, 'runs', fail, ofRun)
    countOf(seq, 'seq', fail)
  },
  'dead-letters': (reply, fail) => void eachOf(reply, 'the reply', fail, ofRun),
  configure: (reply, fail) => void fieldsOf(reply, 'the reply', fail),
  // The state of an extension, which may be anything.
  record: nothing,
  records: nothing,
  rewind: (reply, fail) => void countOf(reply, 'the reply', fail),
  import: nothing,
  export(reply, fail) {
    const { version, messages, settings } = fieldsOf(reply, 'the reply', fail)
    if (version !== 1) throw fail('its version is another one')
    eachOf(messages, 'messages', fail, entry)
    fieldsOf(settings, 'settings', fail)
  },
  answering: (reply, fail) => void nameOf(reply, 'the reply', fail),
  decide: yesOrNo,
  'go-on': inspection,
  inspect: inspection,
  exists: yesOrNo,
  delete: nothing,
  pause: nothing,
}

function nothing(): void {}

function yesOrNo(value: unknown, fail: Fail): void {
  if (typeof value !== 'boolean') throw fail('neither true nor false')
}

function receipt(reply: unknown, fail: Fail): void {
  const { runId, status, seq, ended } = fieldsOf(reply, 'the reply', fail)
  nameOf(runId, 'runId', fail)
  nameOf(status, 'status', fail)
  countOf(seq, 'seq', fail)
  if (ended === undefined) return
  const { outcome, usage, usageByModel, message, failure } = fieldsOf(ended, 'ended', fail)
  choiceOf(outcome, runOutcomes, 'ended.outcome', fail)
  usageOf(usage, 'ended.usage', fail)
  if (usageByModel !== undefined) modelUsageOf(usageByModel, 'ended.usageByModel', fail)
  if (message !== undefined) assistantMessageOf(message, 'ended.message', fail)
  if (failure !== undefined) checkFailure(failure, 'ended.failure', fail)
}

function inspection(reply: unknown, fail: Fail): void {
  const { waiting, deadLetters, current } = fieldsOf(reply, 'the reply', fail)
  eachOf(waiting, 'waiting', fail, nameOf)
  eachOf(deadLetters, 'deadLetters', fail, nameOf)
  if (current !== undefined) ofRun(current, 'current', fail)
}

function ofRun(value: unknown, path: string, fail: Fail): void {
  nameOf(fieldsOf(value, path, fail).runId, `${path}.runId`, fail)
}

function entry(value: unknown, path: string, fail: Fail): void {
  const { role, content } = fieldsOf(fieldsOf(value, path, fail).message, `${path}.message`, fail)
  choiceOf(role, ['user', 'assistant', 'tool'], `${path}.message.role`, fail)
  if (typeof content !== 'string') eachOf(content, `${path}.message.content`, fail, fieldsOf)
}

/** Returns the value of a reply to such a message. Throws `unknown-message` for what callers could not rely on. */
export function readRemoteReply(type: SessionMessage['type'], reply: unknown, node: string): unknown {
  const fail: Fail = (problem) => new BeamClawError('unknown-message', `Node "${node}" replied what this version cannot read: ${problem}`)
  const { value } = fieldsOf(reply, 'the reply', fail)
  checks[type](value, fail)
  return value
}
