/**
 * What is known of xAI's models. Limits and prices: npm @earendil-works/pi-ai 1.5.2 (2026-11-10), up to 200000 input tokens; the rest: github.com/vshylov/mindfork-rs,
 * docs/research/grok-xai-provider.md (2026-08 to 2026-10, measured).
 */
import type { ModelPrice } from '@beamclaw/core'
import type { ChatModelFacts } from '../openai/dialects/dialect.ts'
import type { ModelTable } from '../shared/model-facts.ts'

// `reasoning_effort: 'none'` is refused, and so is `stop`.
function always(price: ModelPrice): ChatModelFacts {
  return {
    contextWindow: 500_000,
    maxOutputTokens: 500_000,
    price,
    thinking: 'always',
    levels: { off: { reasoning_effort: 'low' } },
    refuses: ['stopSequences'],
  }
}

export const xaiModels: ModelTable<ChatModelFacts> = [
  [
    /^grok-4\.3/,
    {
      contextWindow: 1_000_000,
      maxOutputTokens: 30_000,
      price: { input: 1.25, output: 2.5, cacheRead: 0.2 },
      thinking: 'optional',
      refuses: ['stopSequences'],
    },
  ],
  [/^grok-4\.5/, always({ input: 2, output: 6, cacheRead: 0.3 })],
  [/^grok-4\.[67]/, always({ input: 2, output: 6, cacheRead: 0.5 })],
  // "Model grok-build-0.1 does not support parameter reasoningEffort."
  [/^grok-(?:build|4\.20)|non-reasoning/, { thinking: 'never' }],
]
