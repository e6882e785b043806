/** Maps a thinking level to the request fields of a model. */
import type { JsonObject, ProviderRequest, ThinkingLevel } from '@beamclaw/core'

/** Tokens for thinking by level, for models with a budget. */
export type ThinkingBudgets = Readonly<Record<Exclude<ThinkingLevel, 'off'>, number>>

/** How thinking is requested. `adaptive`: the model decides, by an effort. `budget`: a number of tokens. `auto`: by the model's name. */
export type ThinkingMode = 'auto' | 'adaptive' | 'budget'

/** The request fields for thinking, and the tokens that they need in addition to the answer's. */
export interface ThinkingPlan {
  readonly thinking?: JsonObject
  readonly effort?: string
  readonly budgetTokens: number
}

// Models up to generation 4.5; later ones think adaptively, and from Opus 4.7 on they refuse a budget.
const budgetModel = /^claude-(?:[23]|instant|(?:opus|sonnet|haiku)-4-(?:[015](?:\D|$)|\d{8}))/

/** Returns the plan for one request, whose messages are sent as `turns`; thinking stays off when the API would refuse it. */
export function planThinking(
  request: ProviderRequest,
  turns: readonly JsonObject[],
  mode: ThinkingMode,
  budgets: ThinkingBudgets,
): ThinkingPlan {
  const { thinking: level = 'off', toolChoice = 'auto' } = request
  // Thinking and a forced tool exclude each other; the tool takes precedence.
  const isForced = toolChoice === 'required' || typeof toolChoice === 'object'
  if (level === 'off' || isForced) return { budgetTokens: 0 }
  const usesBudget = mode === 'budget' || (mode === 'auto' && budgetModel.test(request.model))
  if (!usesBudget) return { thinking: { type: 'adaptive', display: 'summarized' }, effort: level, budgetTokens: 0 }
  if (isInsideUnthoughtTurn(turns)) return { budgetTokens: 0 }
  return { thinking: { type: 'enabled', budget_tokens: budgets[level] }, budgetTokens: budgets[level] }
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
