/**
 * What is known of Kimi's models: platform.kimi.com/docs of 2026-09, and github.com/pydantic/genai-prices at 47df840 (2026-08). The lines of K3.1 are from
 * pages of resellers (docs.apiyi.com, Vercel AI Gateway), 2026-10.
 */
import type { ChatModelFacts } from '../openai/dialects/dialect.ts'
import type { ModelTable } from '../shared/model-facts.ts'

// "invalid temperature: only 1 is allowed for this model"
const fixed: ChatModelFacts = { refuses: ['temperature', 'topP'] }

// Effort is low, high or max; only a named tool is refused: github.com/enricoros/big-AGI/issues/1161
const k3: ChatModelFacts = {
  ...fixed,
  contextWindow: 1_048_576,
  maxOutputTokens: 1_048_576,
  thinking: 'always',
  levels: {
    off: { reasoning_effort: 'low' },
    low: { reasoning_effort: 'low' },
    medium: { reasoning_effort: 'high' },
    high: { reasoning_effort: 'high' },
  },
  forcedWhileThinking: 'required',
}

export const kimiModels: ModelTable<ChatModelFacts> = [
  [/^kimi-k3\.1-pro-highspeed/, { ...k3, price: { input: 4, output: 20, cacheRead: 0.4, cacheWrite: 4, longCacheWrite: 8 } }],
  [/^kimi-k3\.1-pro/, { ...k3, price: { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2, longCacheWrite: 4 } }],
  [/^kimi-k3/, { ...k3, price: { input: 3, output: 15, cacheRead: 0.3 } }],
  // "invalid thinking: only type=enabled is allowed for this model"
  [
    /^kimi-k2\.7-code/,
    {
      ...fixed,
      contextWindow: 262_144,
      thinking: 'always',
      levels: { off: {}, low: {}, medium: {}, high: {} },
      price: { input: 0.95, output: 4, cacheRead: 0.19 },
    },
  ],
  [/^kimi-k2\.6/, { ...fixed, contextWindow: 262_144, thinking: 'optional', price: { input: 0.95, output: 4, cacheRead: 0.16 } }],
  // java.agentscope.io/v2/en/integration/model/kimi (2026-11), github.com/yilewang/llm-for-zotero/issues/65 (2026-03)
  [/^kimi-k2\.5/, { ...fixed, contextWindow: 262_144, thinking: 'optional' }],
  // docs.together.ai/docs/kimi-k2-thinking-quickstart (2025-11): a model of its own, which always thinks
  [/^kimi-(?:k2-)?thinking/, { ...fixed, thinking: 'always', levels: { off: {}, low: {}, medium: {}, high: {} } }],
  [/^kimi-/, fixed],
]
