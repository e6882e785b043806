/** What is known of the models at Groq. Limits and prices: npm @earendil-works/pi-ai 1.5.2 (2026-11-10); the rest: console.groq.com/docs/reasoning. */
import type { ModelPrice } from '@beamclaw/core'
import type { ChatModelFacts, ThinkingFields } from '../openai/dialects/dialect.ts'
import type { ModelTable } from '../shared/model-facts.ts'

// "`reasoning_effort` must be one of `low`, `medium`, or `high`": there is no level without thinking.
// "Input modalities: text": developers.openai.com/api/docs/models/gpt-oss-120b (2026-11); the refusal is in github.com/vercel/ai/issues/2837.
function gptOss(price: ModelPrice): ChatModelFacts {
  return {
    contextWindow: 131_072,
    maxOutputTokens: 65_536,
    price,
    thinking: 'always',
    levels: { off: { reasoning_effort: 'low' } },
    images: false,
  }
}

// Without `parsed`, thinking comes as tags within the text.
const onOrOff: ThinkingFields = {
  off: { reasoning_effort: 'none' },
  low: { reasoning_effort: 'default', reasoning_format: 'parsed' },
  medium: { reasoning_effort: 'default', reasoning_format: 'parsed' },
  high: { reasoning_effort: 'default', reasoning_format: 'parsed' },
}
const byLevel: ThinkingFields = {
  off: { reasoning_effort: 'none' },
  low: { reasoning_effort: 'low', reasoning_format: 'parsed' },
  medium: { reasoning_effort: 'medium', reasoning_format: 'parsed' },
  high: { reasoning_effort: 'high', reasoning_format: 'parsed' },
}

// Schemas are enforced for gpt-oss alone.
const qwen = { contextWindow: 131_072, maxOutputTokens: 16_384, thinking: 'optional', strictSchemas: false } as const
const llama = { contextWindow: 131_072, thinking: 'never', strictSchemas: false } as const

export const groqModels: ModelTable<ChatModelFacts> = [
  [/^openai\/gpt-oss-120b/, gptOss({ input: 0.15, output: 0.6, cacheRead: 0.075 })],
  [/^openai\/gpt-oss/, gptOss({ input: 0.075, output: 0.3, cacheRead: 0.0375 })],
  [/^qwen\/qwen3\.8/, { ...qwen, levels: byLevel, price: { input: 0.8, output: 4 } }],
  [/^qwen\/qwen3\.6/, { ...qwen, levels: onOrOff, price: { input: 0.6, output: 3, cacheRead: 0.3 } }],
  [/^qwen\/qwen3/, { ...qwen, levels: onOrOff }],
  [/^llama-3\.1-8b/, { ...llama, maxOutputTokens: 131_072, price: { input: 0.05, output: 0.08 } }],
  [/^llama-3\.3-70b/, { ...llama, maxOutputTokens: 32_768, price: { input: 0.59, output: 0.79 } }],
]
