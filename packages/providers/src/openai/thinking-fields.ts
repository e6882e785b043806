/** Decides how a model is asked to think, and whether it will. Pure. */
import type { JsonObject, ProviderRequest } from '@beamclaw/core'
import type { Warnings } from '../shared/warnings.ts'
import type { ChatStyle } from './chat-style.ts'
import type { ChatModelFacts } from './dialects/dialect.ts'

/** The fields of the body, and whether the model thinks before it answers. */
export interface PlannedThinking {
  readonly fields: JsonObject
  readonly isOn: boolean
}

/** Fields by which a user asks for thinking in a way of their own; ours would contradict them. */
const thinkingFields = ['reasoning_effort', 'reasoning', 'thinking', 'extra_body', 'chat_template_kwargs']

/** Returns how the model is asked for the level of the request. Warns where it has none such. */
export function thinkingOf(
  request: ProviderRequest,
  style: ChatStyle,
  facts: Partial<ChatModelFacts>,
  warnings: Warnings,
): PlannedThinking {
  const { model, tools = [] } = request
  const { dialect, extraBody } = style
  const { thinking } = facts
  const wanted = request.thinking ?? 'off'
  const isOwnWay = thinkingFields.some((field) => Object.hasOwn(extraBody, field))
  if (isOwnWay) return { fields: {}, isOn: thinking !== 'never' && thinking !== undefined }
  if (wanted !== 'off' && thinking === 'never') {
    warnings.add('thinking', `${model} does not think, so it was not asked to.`)
    return { fields: {}, isOn: false }
  }
  const isBesideTools = wanted !== 'off' && tools.length > 0 && facts.tools === 'without-thinking'
  if (isBesideTools)
    warnings.add(
      'thinking',
      `${model} does not think beside tools over Chat Completions, so it was not asked to; api: 'responses' has both.`,
    )
  const level = isBesideTools ? 'off' : wanted
  if (request.thinking === 'off' && thinking === 'always')
    warnings.add('thinking', `${model} always thinks, so it was asked to think as little as it can.`)
  const fields = facts.levels?.[level] === undefined ? dialect.levels[level] : facts.levels[level]
  if (level === 'off') {
    // Of a model that nothing is known about it is not known either whether it takes the word for "off".
    const isSaid = thinking === 'always' ? facts.levels?.off !== undefined : thinking === 'optional'
    return { fields: isSaid ? (fields ?? {}) : {}, isOn: thinking === 'always' }
  }
  if (fields === null || fields === undefined) {
    warnings.add('thinking', `${model} takes no level of thinking, so none was asked for.`)
    return { fields: {}, isOn: thinking === 'always' }
  }
  return { fields, isOn: true }
}
