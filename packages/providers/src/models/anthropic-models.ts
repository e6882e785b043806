/** What is known of Anthropic's models. Made 2026-11-23; prices in US dollars for a million tokens. */
import { factsOf, type ModelFacts, type ModelTable } from '../shared/model-facts.ts'

/** How a model is told to think, and what it refuses. */
export interface AnthropicModelFacts extends ModelFacts {
  /** `budget`: a number of tokens. `adaptive`: an effort, and the model decides. */
  readonly thinkingBy: 'budget' | 'adaptive'
  /** How a request says that the model is not to think: by saying nothing, by a `thinking.type`, or not at all. */
  readonly off: 'nothing' | 'disabled' | 'between_tools' | 'impossible'
  /** False for models that refuse `tool_choice` of type `any` and `tool`. */
  readonly canForceTools: boolean
  /** Which of `temperature` and `top_p` a request may have when the model does not think. */
  readonly sampling: 'both' | 'one' | 'none'
  /** True for models whose thinking is bound to everything before it. */
  readonly bindsThinking: boolean
}

const price = (input: number, output: number, cacheRead = input / 10) =>
  ({ input, output, cacheRead, cacheWrite: input * 1.25, longCacheWrite: input * 2 }) as const

const million = { contextWindow: 1_000_000, maxOutputTokens: 128_000 } as const

// Thinking on from the beginning, effort instead of budgets, no sampling: platform.claude.com/docs/en/about-claude/models/migration-guide (2026-10).
const always = {
  ...million,
  thinking: 'always',
  thinkingBy: 'adaptive',
  off: 'impossible',
  canForceTools: false,
  sampling: 'none',
} as const
const adaptive = {
  ...million,
  thinking: 'optional',
  thinkingBy: 'adaptive',
  canForceTools: true,
  sampling: 'none',
  bindsThinking: false,
} as const
// Budgets: platform.claude.com/docs/en/build-with-claude/extended-thinking; one of temperature and top_p: the same guide.
const budget = {
  contextWindow: 200_000,
  maxOutputTokens: 64_000,
  thinking: 'optional',
  thinkingBy: 'budget',
  off: 'nothing',
  canForceTools: true,
  sampling: 'one',
  bindsThinking: false,
} as const

/**
 * Models by the beginning of their ids. Prices and limits: platform.claude.com/docs/en/about-claude/models/overview (2026-10 and 2026-11). Forced tools:
 * vercel/ai#21364. Binding: platform.claude.com/docs/en/build-with-claude/preserved-thinking (2026-11).
 */
export const anthropicModels: ModelTable<AnthropicModelFacts> = [
  [/^claude-fable-5-[1-9]/, { ...always, bindsThinking: true, price: price(10, 50) }],
  [/^claude-(?:fable|mythos)-5/, { ...always, bindsThinking: false, price: price(10, 50) }],
  [/^claude-opus-5-5/, { ...always, bindsThinking: true, price: price(4, 20, 0.2) }],
  [/^claude-sonnet-5-5/, { ...adaptive, off: 'between_tools', canForceTools: false, bindsThinking: true, price: price(2, 10, 0.1) }],
  [/^claude-haiku-5-5/, { ...always, canForceTools: true, bindsThinking: true, price: price(0.1, 0.5) }],
  [/^claude-opus-5/, { ...adaptive, off: 'disabled', price: price(5, 25) }],
  [/^claude-sonnet-5/, { ...adaptive, off: 'disabled', price: price(2, 10) }],
  [/^claude-opus-4-[78](?!\d)/, { ...adaptive, off: 'nothing', price: price(5, 25) }],
  [/^claude-opus-4-6/, { ...adaptive, off: 'nothing', sampling: 'one', price: price(5, 25) }],
  [/^claude-sonnet-4-6/, { ...adaptive, off: 'nothing', sampling: 'one', price: price(3, 15) }],
  [/^claude-opus-4-5/, { ...budget, price: price(5, 25) }],
  [/^claude-sonnet-4(?:-[05](?!\d)|-\d{8}|$)/, { ...budget, price: price(3, 15) }],
  [/^claude-haiku-4-5/, { ...budget, price: price(1, 5) }],
  [/^claude-opus-4(?:-[01](?!\d)|-\d{8}|$)/, { ...budget, maxOutputTokens: 32_000, price: price(15, 75) }],
  [/^claude-3-7-sonnet/, { ...budget, sampling: 'both', price: price(3, 15) }],
  [/^claude-(?:[23]|instant)/, { ...budget, maxOutputTokens: 8_192, thinking: 'never', sampling: 'both' }],
]

/** For models that came later: what the newest ones take, and nothing that any refuses. Limits are not known. */
const later = { thinkingBy: 'adaptive', off: 'nothing', canForceTools: true, sampling: 'none', bindsThinking: false } as const

/** For models of other makers behind this protocol. */
const foreign = { ...later, sampling: 'both' } as const

/** Returns the facts of a model; limits and prices are absent where they are not known. */
export function anthropicFactsOf(model: string, given: Readonly<Record<string, ModelFacts>> = {}): AnthropicModelFacts {
  return { ...(/^claude-/.test(model) ? later : foreign), ...factsOf(anthropicModels, model, given) }
}
