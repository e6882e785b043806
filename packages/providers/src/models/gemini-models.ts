/**
 * What is known of Google's models over the compatible endpoint. Limits and prices: npm @earendil-works/pi-ai 1.5.2 (2026-11-10), up to 200000 input tokens;
 * levels: github.com/vshylov/mindfork-rs, docs/research/effort-tiers.md (2026-10, measured), and ai.google.dev/gemini-api/docs/openai.
 */
import type { ModelPrice } from '@beamclaw/core'
import type { ChatModelFacts, ThinkingFields } from '../openai/dialects/dialect.ts'
import type { ModelTable } from '../shared/model-facts.ts'

const limits = { contextWindow: 1_048_576, maxOutputTokens: 65_536 }

const minimal: ThinkingFields = { off: { reasoning_effort: 'minimal' } }
const low: ThinkingFields = { off: { reasoning_effort: 'low' } }

// "Function calling with a response mime type: 'application/json' is unsupported": measured on gemini-2.5-flash, 2026-07
const second = { ...limits, thinking: 'optional', jsonWithTools: false } as const

/** Gemini 3 cannot be without thinking, and wants signatures: ai.google.dev/gemini-api/docs/thought-signatures. */
function third(levels: ThinkingFields, price?: ModelPrice): ChatModelFacts {
  return { ...limits, thinking: 'always', signedCalls: true, levels, ...(price === undefined ? {} : { price }) }
}

const flash3 = { input: 0.75, output: 3.75, cacheRead: 0.075 }

const rows: ModelTable<ChatModelFacts> = [
  [/^gemini-4-argon/, { ...third(low, { input: 2, output: 10, cacheRead: 0.1 }), maxOutputTokens: 32_768 }],
  [/^gemini-3\.[78]-flash/, third(low, flash3)],
  [/^gemini-3\.6-flash/, third(minimal, flash3)],
  [/^gemini-3\.5-flash-lite/, third(minimal, { input: 0.3, output: 2.5, cacheRead: 0.03 })],
  [/^gemini-(?:3\.5-flash|flash-latest)/, third(minimal, { input: 1.5, output: 9, cacheRead: 0.15 })],
  [/^gemini-(?:3\.1-flash-lite|flash-lite-latest)/, third(minimal, { input: 0.25, output: 1.5, cacheRead: 0.025 })],
  [/^gemini-(?:3\.1-pro|pro-latest)/, third(low, { input: 2, output: 12, cacheRead: 0.2 })],
  [/^gemini-3-flash/, third(minimal, { input: 0.5, output: 3, cacheRead: 0.05 })],
  [/^gemini-2\.5-pro/, { ...second, thinking: 'always', levels: low, price: { input: 1.25, output: 10, cacheRead: 0.125 } }],
  [/^gemini-2\.5-flash-lite/, { ...second, price: { input: 0.1, output: 0.4, cacheRead: 0.01 } }],
  [/^gemini-2\.5-flash/, { ...second, price: { input: 0.3, output: 2.5, cacheRead: 0.03 } }],
  [/^gemini-2/, { thinking: 'never', jsonWithTools: false }],
  // "Thinking level is not supported for this model."
  [/^gemma-/, { contextWindow: 262_144, maxOutputTokens: 32_768, levels: { off: {}, low: null, medium: null, high: null } }],
  // Later ones are taken to be as strict as the third.
  [/^gemini-[3-9]/, third(low)],
]

/** Ids may have `models/` before them, or `google/` at Vertex. */
export const geminiModels: ModelTable<ChatModelFacts> = rows.map(([id, facts]) => [
  new RegExp(id.source.replace('^', '^(?:models/|google/)?')),
  facts,
])
