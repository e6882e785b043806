/**
 * What is known of Mistral's models, and of others that it serves. Limits and prices: npm @earendil-works/pi-ai 1.5.2 (2026-11-10); levels: the same, and
 * npm @ai-sdk/mistral 4.0.87.
 */
import type { ModelPrice } from '@beamclaw/core'
import type { ChatModelFacts, ThinkingFields } from '../openai/dialects/dialect.ts'
import type { ModelTable } from '../shared/model-facts.ts'

const window = 262_144

// These do not think unless asked to. "supported values: [high, none]"
const onlyHigh: ThinkingFields = { off: {} }

// These cannot be without.
const lowToHigh: ThinkingFields = {
  off: { reasoning_effort: 'low' },
  low: { reasoning_effort: 'low' },
  medium: { reasoning_effort: 'medium' },
  high: { reasoning_effort: 'high' },
}
const lowOrHigh: ThinkingFields = { ...lowToHigh, medium: { reasoning_effort: 'high' } }

function price(input: number, output: number, cacheRead: number): ModelPrice {
  return { input, output, cacheRead }
}

function optional(maxOutputTokens: number, cost: ModelPrice): ChatModelFacts {
  return { contextWindow: window, maxOutputTokens, price: cost, thinking: 'optional', levels: onlyHigh }
}

function never(contextWindow: number, cost: ModelPrice): ChatModelFacts {
  return { contextWindow, price: cost, thinking: 'never' }
}

const large4: ChatModelFacts = {
  contextWindow: 1_048_576,
  maxOutputTokens: 262_144,
  price: price(0.7, 2.1, 0.07),
  thinking: 'always',
  levels: lowToHigh,
}
const glm: ChatModelFacts = { contextWindow: 1_048_576, maxOutputTokens: 131_072, price: price(1.4, 4.4, 0.14) }

export const mistralModels: ModelTable<ChatModelFacts> = [
  [/^mistral-large-4/, large4],
  [/^mistral-large-(?:2512|latest)/, never(window, price(0.5, 1.5, 0.05))],
  [/^mistral-medium-(?:2604|3\.5|latest)/, optional(262_144, price(1.5, 7.5, 0.15))],
  [/^mistral-medium-2508/, never(window, price(0.4, 2, 0.04))],
  [/^mistral-medium-2505/, never(131_072, price(0.4, 2, 0.04))],
  [/^mistral-small-(?:2603|latest)/, optional(256_000, price(0.15, 0.6, 0.015))],
  [/^mistral-small-2506/, never(128_000, price(0.1, 0.3, 0.01))],
  [/^magistral-medium/, { ...optional(16_384, price(2, 5, 0.2)) }],
  [/^(?:zai-)?glm-5-3-flash/, { ...glm, price: price(0.15, 0.5, 0.03), thinking: 'always', levels: lowOrHigh }],
  [/^(?:zai-)?glm-5-3/, { ...glm, thinking: 'always', levels: lowOrHigh }],
  [/^(?:zai-)?glm-5-2/, { ...glm, thinking: 'optional' }],
  [/^codestral/, never(256_000, price(0.3, 0.9, 0.03))],
  [/^devstral/, never(window, price(0.4, 2, 0.04))],
  [/^ministral-14b/, never(window, price(0.2, 0.2, 0.02))],
  [/^ministral-8b/, never(window, price(0.15, 0.15, 0.015))],
  [/^ministral-3b/, never(131_072, price(0.1, 0.1, 0.01))],
  [/^(?:open-mistral-nemo|pixtral-12b)/, never(128_000, price(0.15, 0.15, 0.015))],
  [/^voxtral-small/, never(32_768, price(0.1, 0.3, 0.01))],
]
