/** The snapshot of a session's state, and the check of a snapshot that is read back. */
import { describeValue } from '@beamclaw/actor/internal'
import { BeamClawError } from '../../base/errors.ts'
import type { RunId } from '../../base/ids.ts'
import {
  assistantMessageOf,
  choiceOf,
  contentOf,
  countOf,
  eachOf,
  type Fail,
  fieldsOf,
  jsonOf,
  modelUsageOf,
  nameOf,
  stringOf,
  usageOf,
} from '../../base/message-check.ts'
import type { JsonObject } from '../../base/messages.ts'
import type { StoredContext } from '../state/context.ts'
import type { DeadLetter, KnownRun } from '../state/known-run.ts'
import { blockSize, type StoredIndex } from '../state/transcript-index.ts'
import { checkStoredContext } from './context-check.ts'
import { checkFailure, checkMessageIn, runOutcomes } from './record-check.ts'
import { checkFormat } from './record-formats.ts'
import type { SessionSize } from './record-size.ts'
import type { MessageIn } from './records.ts'

export interface SessionSnapshot extends StoredIndex {
  readonly version: 2
  readonly context: StoredContext
  readonly waiting: readonly MessageIn[]
  readonly runs: readonly (readonly [RunId, KnownRun])[]
  readonly deadLetters: readonly DeadLetter[]
  /** The states that extensions folded from their records, by extension id. */
  readonly extensions?: JsonObject
  /** Times of the first and the last record, in milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly size: Readonly<SessionSize>
}

/** Returns the snapshot that a store gave back. Throws `log-corrupt` for a value that is no snapshot, `log-too-new` for one of a later format. */
export function checkedSnapshot(value: unknown): SessionSnapshot {
  const fail: Fail = (problem) => new BeamClawError('log-corrupt', `The snapshot cannot be read: ${problem}`)
  const snapshot = fieldsOf(value, 'state', fail)
  checkFormat(snapshot, 'The snapshot')
  if (snapshot.version !== 2)
    throw new BeamClawError('log-corrupt', `A snapshot of version ${describeValue(snapshot.version)} cannot be read by this version`)
  const { from, messages } = checkStoredContext(snapshot.context, 'context', fail)
  const total = countOf(snapshot.total, 'total', fail)
  if (from + messages.length !== total) throw fail(`its context ends with message ${from + messages.length} of ${total}`)
  const marks = eachOf(snapshot.marks, 'marks', fail, checkMark)
  if (marks.length !== Math.ceil(total / blockSize)) throw fail(`it has ${marks.length} marks for ${total} messages`)
  eachOf(snapshot.summaries, 'summaries', fail, checkSummary)
  eachOf(snapshot.handOffs, 'handOffs', fail, checkHandOff)
  eachOf(snapshot.waiting, 'waiting', fail, checkWaiting)
  eachOf(snapshot.runs, 'runs', fail, checkRun)
  eachOf(snapshot.deadLetters, 'deadLetters', fail, checkDeadLetter)
  if (snapshot.extensions !== undefined) jsonOf(fieldsOf(snapshot.extensions, 'extensions', fail), 'extensions', fail)
  for (const name of ['createdAt', 'updatedAt']) countOf(snapshot[name], name, fail)
  const size = fieldsOf(snapshot.size, 'size', fail)
  for (const name of ['journal', 'attachments']) countOf(size[name], `size.${name}`, fail)
  return value as SessionSnapshot
}

function checkMark(value: unknown, path: string, fail: Fail): void {
  const numbers = eachOf(value, path, fail, countOf)
  if (numbers.length < 2) throw fail(`${path} must have the number of a record, and the messages to skip`)
}

function checkSummary(value: unknown, path: string, fail: Fail): void {
  const { from, seq } = fieldsOf(value, path, fail)
  countOf(from, `${path}.from`, fail)
  countOf(seq, `${path}.seq`, fail)
}

function checkHandOff(value: unknown, path: string, fail: Fail): void {
  const { index, agentId } = fieldsOf(value, path, fail)
  countOf(index, `${path}.index`, fail)
  nameOf(agentId, `${path}.agentId`, fail)
}

function checkWaiting(value: unknown, path: string, fail: Fail): void {
  const message = fieldsOf(value, path, fail)
  nameOf(message.runId, `${path}.runId`, fail)
  checkMessageIn(message, `${path}.`, fail)
}

function checkRun(value: unknown, path: string, fail: Fail): void {
  if (!Array.isArray(value) || value.length !== 2) throw fail(`${path} must be a run with its id`)
  nameOf(value[0], `${path}[0]`, fail)
  const run = fieldsOf(value[1], `${path}[1]`, fail)
  choiceOf(run.status, ['waiting', 'running', ...runOutcomes], `${path}[1].status`, fail)
  countOf(run.seq, `${path}[1].seq`, fail)
  countOf(run.at, `${path}[1].at`, fail)
  if (run.ended === undefined) return
  const ended = fieldsOf(run.ended, `${path}[1].ended`, fail)
  choiceOf(ended.outcome, runOutcomes, `${path}[1].ended.outcome`, fail)
  usageOf(ended.usage, `${path}[1].ended.usage`, fail)
  if (ended.usageByModel !== undefined) modelUsageOf(ended.usageByModel, `${path}[1].ended.usageByModel`, fail)
  if (ended.message !== undefined) assistantMessageOf(ended.message, `${path}[1].ended.message`, fail)
  if (ended.failure !== undefined) checkFailure(ended.failure, `${path}[1].ended.failure`, fail)
}

function checkDeadLetter(value: unknown, path: string, fail: Fail): void {
  const letter = fieldsOf(value, path, fail)
  nameOf(letter.runId, `${path}.runId`, fail)
  countOf(letter.at, `${path}.at`, fail)
  if (letter.message === undefined) return
  const message = fieldsOf(letter.message, `${path}.message`, fail)
  stringOf(message.role, `${path}.message.role`, fail)
  contentOf(message.content, `${path}.message.content`, fail)
}
