/** Checks shared by records and snapshots: a damaged record stops only its own session. Pure functions. */
import { choiceOf, contentOf, countOf, eachOf, type Fail, fieldsOf, jsonOf, nameOf, stringOf } from '../../base/message-check.ts'

export const runOutcomes = ['completed', 'failed', 'aborted'] as const
export const finishReasons = ['stop', 'tool-calls', 'length', 'content-filter', 'other'] as const
const queueModes = ['queue', 'steer', 'collect', 'interrupt', 'reject'] as const

/** Checks an accepted message from a record or a snapshot. */
export function checkMessageIn(data: Readonly<Record<string, unknown>>, path: string, fail: Fail): void {
  const message = fieldsOf(data.message, `${path}message`, fail)
  contentOf(message.content, `${path}message.content`, fail)
  choiceOf(data.queueMode, queueModes, `${path}queueMode`, fail)
  if (data.settings !== undefined) checkSettings(fieldsOf(data.settings, `${path}settings`, fail), `${path}settings`, fail)
  if (data.context !== undefined) jsonOf(data.context, `${path}context`, fail)
  if (data.contextBy !== undefined) nameOf(data.contextBy, `${path}contextBy`, fail)
  if (data.depth !== undefined) countOf(data.depth, `${path}depth`, fail)
  if (data.responseFormat !== undefined) fieldsOf(data.responseFormat, `${path}responseFormat`, fail)
}

export function checkFailure(value: unknown, path: string, fail: Fail): void {
  const failure = fieldsOf(value, path, fail)
  stringOf(failure.code, `${path}.code`, fail)
  stringOf(failure.message, `${path}.message`, fail)
  // A later version may know more kinds.
  if (failure.kind !== undefined) nameOf(failure.kind, `${path}.kind`, fail)
  if (failure.details !== undefined) jsonOf(fieldsOf(failure.details, `${path}.details`, fail), `${path}.details`, fail)
}

function checkSettings({ model, temperature, maxOutputTokens, tools }: Readonly<Record<string, unknown>>, path: string, fail: Fail): void {
  if (model !== undefined) stringOf(model, `${path}.model`, fail)
  if (temperature !== undefined && typeof temperature !== 'number') throw fail(`${path}.temperature must be a number`)
  if (maxOutputTokens !== undefined) countOf(maxOutputTokens, `${path}.maxOutputTokens`, fail)
  if (tools !== undefined) eachOf(tools, `${path}.tools`, fail, stringOf)
}
