/** Maps a thinking level to the request fields of a model, and says what had to be left out. */
import type { JsonObject, ProviderRequest, ProviderWarning, ThinkingLevel } from '@beamclaw/core'
import type { AnthropicModelFacts } from '../models/anthropic-models.ts'

/** Tokens for thinking by level, for models with a budget. */
export type ThinkingBudgets = Readonly<Record<Exclude<ThinkingLevel, 'off'>, number>>

/** How thinking is requested. `adaptive`: the model decides, by an effort. `budget`: a number of tokens. `auto`: by the model's name. */
export type ThinkingMode = 'auto' | 'adaptive' | 'budget'

/** The request fields for thinking, and the tokens that they need in addition to the answer's. */
export interface ThinkingPlan {
  readonly thinking?: JsonObject
  readonly effort?: string
  readonly budgetTokens: number
  /** Whether the model thinks before this answer. */
  readonly isOn: boolean
  readonly warnings: readonly ProviderWarning[]
}

/** What of a provider's options decides about thinking. */
export interface ThinkingStyle {
  readonly thinkingMode: ThinkingMode
  readonly thinkingBudgets: ThinkingBudgets
}

const off = { budgetTokens: 0, isOn: false, warnings: [] } as const

/** The smallest budget that the API takes. */
export const smallestBudget = 1_024

/** Returns the plan for one request, whose messages are sent as `turns`; thinking stays off when the API would refuse it. */
export function planThinking(
  request: Pick<ProviderRequest, 'thinking' | 'toolChoice'>,
  turns: readonly JsonObject[],
  facts: AnthropicModelFacts,
  { thinkingMode, thinkingBudgets }: ThinkingStyle,
): ThinkingPlan {
  const { thinking: level = 'off', toolChoice = 'auto' } = request
  if (level === 'off') return planOff(facts)
  if (facts.thinking === 'never') return { ...off, warnings: [warned('this model does not think, so it was not asked to')] }
  // Thinking and a forced tool exclude each other; the tool takes precedence where the model can be forced at all.
  const isForced = toolChoice === 'required' || typeof toolChoice === 'object'
  if (isForced && facts.canForceTools && facts.off !== 'impossible') {
    const plan = planOff(facts)
    return { ...plan, warnings: [...plan.warnings, warned('thinking was left out: a model that must call a tool cannot think before it')] }
  }
  const usesBudget = thinkingMode === 'budget' || (thinkingMode === 'auto' && facts.thinkingBy === 'budget')
  if (!usesBudget) return { thinking: adaptive(facts), effort: level, budgetTokens: 0, isOn: true, warnings: [] }
  if (isInsideUnthoughtTurn(turns)) {
    return {
      ...off,
      warnings: [warned('thinking was left out: the model called tools without having thought, and cannot begin in between')],
    }
  }
  const budgetTokens = thinkingBudgets[level]
  return { thinking: { type: 'enabled', budget_tokens: budgetTokens }, budgetTokens, isOn: true, warnings: [] }
}

function planOff(facts: AnthropicModelFacts): ThinkingPlan {
  switch (facts.off) {
    case 'nothing':
      return off
    case 'disabled':
      return { ...off, thinking: { type: 'disabled' } }
    case 'between_tools':
      return { ...off, thinking: { type: 'between_tools' } }
    case 'impossible':
      return { ...off, thinking: adaptive(facts), effort: 'low', isOn: true }
  }
}

/** Where thinking is bound to what came before, a block whose beginning has changed is to be dropped instead of refused. */
function adaptive({ bindsThinking }: AnthropicModelFacts): JsonObject {
  const binding = bindsThinking ? { block_binding: { prefix_mismatch_behavior: 'drop_block' } } : {}
  return { type: 'adaptive', display: 'summarized', ...binding }
}

/** The beta that the field for bound thinking needs; models before refuse it. */
export const bindingBeta = 'thinking-binding-controls-2026-08-01'

/** Returns true when a plan needs `bindingBeta`. */
export function needsBindingBeta({ thinking }: Pick<ThinkingPlan, 'thinking'>): boolean {
  return thinking?.block_binding !== undefined
}

function warned(message: string): ProviderWarning {
  return { setting: 'thinking', message }
}

/**
 * With a budget, a turn that called tools must have begun with thinking; after a change of model or level it may not have. Seen in what is
 * sent, which leaves out blank text and thinking that another provider has made.
 */
function isInsideUnthoughtTurn(turns: readonly JsonObject[]): boolean {
  if (!blocksOf(turns.at(-1)).some(({ type }) => type === 'tool_result')) return false
  const first = blocksOf(turns.at(-2))[0]
  return first?.type !== 'thinking' && first?.type !== 'redacted_thinking'
}

function blocksOf(turn: JsonObject | undefined): readonly JsonObject[] {
  return (turn?.content ?? []) as readonly JsonObject[]
}
