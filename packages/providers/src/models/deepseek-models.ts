/** What is known of DeepSeek's models: api-docs.deepseek.com/quick_start/pricing, 2026-11. Prices are those outside of peak hours. */
import type { ChatModelFacts } from '../openai/dialects/dialect.ts'
import type { ModelTable } from '../shared/model-facts.ts'

// The temperature is ignored while a model thinks: api-docs.deepseek.com/guides/thinking_mode, 2026-11
const v4: ChatModelFacts = {
  contextWindow: 1_048_576,
  maxOutputTokens: 384_000,
  thinking: 'optional',
  refusesWhileThinking: ['temperature'],
}
const flash: ChatModelFacts = { ...v4, price: { input: 0.15, output: 0.6, cacheRead: 0.003 } }

export const deepSeekModels: ModelTable<ChatModelFacts> = [
  [/^deepseek-(?:v4(?:\.1)?-)?flash/, flash],
  [/^deepseek-v4-pro/, { ...v4, price: { input: 0.66, output: 1.98, cacheRead: 0.022 } }],
  [/^deepseek-v4/, v4],
  // Aliases of v4-flash with thinking fixed, announced to end after 2026-07-24
  [/^deepseek-chat$/, { ...flash, thinking: 'never' }],
  [/^deepseek-reasoner$/, { ...flash, thinking: 'always', levels: { off: {}, low: {}, medium: {}, high: {} } }],
]
