/** Decides how much a model thinks, and which settings it takes beside that. Pure. */
import type { ProviderRequest, ProviderWarning } from '@beamclaw/core'
import { type OpenAiEffort, type OpenAiModelFacts, openAiEfforts } from '../models/openai-models.ts'

/** The fields of one request that depend on what its model can do. */
export interface ReasoningPlan {
  /** The level to ask for; undefined for that which the model has by itself. */
  readonly effort: OpenAiEffort | undefined
  /** True where the answer may hold thinking that has to go back. */
  readonly mayThink: boolean
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly warnings: readonly ProviderWarning[]
}

/** Returns the plan for a request. Of a model of which nothing is known nothing is left out, and thinking that is off is not mentioned. */
export function planReasoning(request: ProviderRequest, facts: Partial<OpenAiModelFacts>): ReasoningPlan {
  const warnings: ProviderWarning[] = []
  const effort = effortOf(request, facts, warnings)
  const isThinking = facts.thinking !== 'never' && (effort ?? facts.defaultEffort) !== 'none'
  const { sampling = 'always' } = facts
  const takesSampling = sampling === 'always' || (sampling === 'without-thinking' && !isThinking)
  const sampled = (setting: 'temperature' | 'topP'): number | undefined => {
    if (request[setting] === undefined || takesSampling) return request[setting]
    const when = sampling === 'never' ? '' : ' while it thinks'
    warnings.push({ setting, message: `The model ${request.model} refuses ${setting}${when}, so it was left out.` })
    return undefined
  }
  return { effort, mayThink: isThinking, temperature: sampled('temperature'), topP: sampled('topP'), warnings }
}

function effortOf(
  { model, thinking: asked }: ProviderRequest,
  { thinking, efforts = [], defaultEffort }: Partial<OpenAiModelFacts>,
  warnings: ProviderWarning[],
): OpenAiEffort | undefined {
  const warn = (message: string): void => void warnings.push({ setting: 'thinking', message })
  const level = asked ?? 'off'
  if (thinking === 'never') {
    if (level !== 'off') warn(`The model ${model} does not think, so the level ${level} was left out.`)
    return undefined
  }
  if (level !== 'off') {
    const effort = nearest(level, efforts)
    if (effort !== level) warn(`The model ${model} has no level of thinking ${level}, so it was asked for ${effort}.`)
    return effort
  }
  if (thinking === undefined) return undefined
  if (thinking === 'optional') return defaultEffort === 'none' ? undefined : 'none'
  const [least] = efforts
  if (asked === 'off') warn(`The model ${model} always thinks${least === undefined ? '' : `, so it was asked for the least, ${least}`}.`)
  return least
}

/** Returns the level itself, else the next higher that the model takes, else its highest. */
function nearest(level: OpenAiEffort, efforts: readonly OpenAiEffort[]): OpenAiEffort {
  if (efforts.length === 0 || efforts.includes(level)) return level
  const rank = openAiEfforts.indexOf(level)
  return efforts.find((effort) => openAiEfforts.indexOf(effort) > rank) ?? efforts.at(-1) ?? level
}
