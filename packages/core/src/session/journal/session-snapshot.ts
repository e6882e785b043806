/** The snapshot of a session's state, and the check of a snapshot that is read back. */
import { describeValue } from '@beamclaw/actor/internal'
import { BeamClawError } from '../../base/errors.ts'
import type { AgentId, RunId } from '../../base/ids.ts'
import {
  assistantMessageOf,
  choiceOf,
  contentOf,
  countOf,
  eachOf,
  type Fail,
  fieldsOf,
  jsonOf,
  messageOf,
  modelUsageOf,
  nameOf,
  stringOf,
  usageOf,
} from '../../base/message-check.ts'
import type { JsonObject, Message } from '../../base/messages.ts'
import type { DeadLetter, KnownRun, MessageOrigin } from '../state/known-run.ts'
import { checkFailure, checkMessageIn, runOutcomes } from './record-check.ts'
import type { MessageIn } from './records.ts'

export interface SessionSnapshot {
  readonly version: 1
  readonly history: readonly Message[]
  readonly origins: readonly MessageOrigin[]
  readonly waiting: readonly MessageIn[]
  readonly runs: readonly (readonly [RunId, KnownRun])[]
  /** Earlier versions kept only the ids. */
  readonly deadLetters: readonly (DeadLetter | RunId)[]
  /** The agent that answers after a hand-off; absent for the agent of the session's key. */
  readonly answeredBy?: AgentId
  /** The states that extensions folded from their records, by extension id. */
  readonly extensions?: JsonObject
  /** Times of the first and the last record, in milliseconds since 1970; absent in snapshots of earlier versions. */
  readonly createdAt?: number
  readonly updatedAt?: number
}

/** Returns the snapshot that a store gave back. Throws `log-corrupt` for a value that is no snapshot, or one of a later version. */
export function checkedSnapshot(value: unknown): SessionSnapshot {
  const fail: Fail = (problem) => new BeamClawError('log-corrupt', `The snapshot cannot be read: ${problem}`)
  const snapshot = fieldsOf(value, 'state', fail)
  if (snapshot.version !== 1)
    throw new BeamClawError('log-corrupt', `A snapshot of version ${describeValue(snapshot.version)} cannot be read by this version`)
  const history = eachOf(snapshot.history, 'history', fail, messageOf)
  const origins = eachOf(snapshot.origins, 'origins', fail, checkOrigin)
  if (history.length !== origins.length) throw fail(`it has ${history.length} messages and ${origins.length} origins`)
  eachOf(snapshot.waiting, 'waiting', fail, checkWaiting)
  eachOf(snapshot.runs, 'runs', fail, checkRun)
  eachOf(snapshot.deadLetters, 'deadLetters', fail, checkDeadLetter)
  if (snapshot.answeredBy !== undefined) nameOf(snapshot.answeredBy, 'answeredBy', fail)
  if (snapshot.extensions !== undefined) jsonOf(fieldsOf(snapshot.extensions, 'extensions', fail), 'extensions', fail)
  for (const name of ['createdAt', 'updatedAt']) if (snapshot[name] !== undefined) countOf(snapshot[name], name, fail)
  return value as SessionSnapshot
}

function checkOrigin(value: unknown, path: string, fail: Fail): void {
  const origin = fieldsOf(value, path, fail)
  countOf(origin.at, `${path}.at`, fail)
  nameOf(origin.runId, `${path}.runId`, fail)
  if (origin.handOff !== undefined) nameOf(origin.handOff, `${path}.handOff`, fail)
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
  if (typeof value === 'string') return
  const letter = fieldsOf(value, path, fail)
  nameOf(letter.runId, `${path}.runId`, fail)
  countOf(letter.at, `${path}.at`, fail)
  if (letter.message === undefined) return
  const message = fieldsOf(letter.message, `${path}.message`, fail)
  stringOf(message.role, `${path}.message.role`, fail)
  contentOf(message.content, `${path}.message.content`, fail)
}
