/** The parts of recorded answers, and the places where they were seen. */
import type { AnswerPart, AssistantMessage, JsonObject, ProviderMetadata, ToolCall } from '@beamclaw/core'

/** Returns what a part keeps for the service, which is named `recorded` in all recordings. */
export function kept(fields: JsonObject): { readonly providerMetadata: ProviderMetadata } {
  return { providerMetadata: { recorded: fields } }
}

export function message(...content: readonly AnswerPart[]): AssistantMessage {
  return { role: 'assistant', content }
}

/** Returns encrypted thinking, with what the service tells of it. */
export function thought(id: string, encrypted: string, ...summary: readonly string[]): AnswerPart {
  const texts = summary.map((text) => ({ type: 'summary_text', text }))
  const item = { id, type: 'reasoning', summary: texts, encrypted_content: encrypted }
  return { type: 'thinking', text: summary.join('\n\n'), ...kept({ item }) }
}

/** Returns thinking in clear text. */
export function clearThought(id: string, text: string): AnswerPart {
  return { type: 'thinking', text, ...kept({ item: { id, type: 'reasoning', summary: [], content: [{ type: 'reasoning_text', text }] } }) }
}

/** Returns the call that is in most recordings. */
export function cityOf(id: string): ToolCall {
  return { type: 'tool-call', id, name: 'city_of', input: { city: 'Zürich' } }
}

/** Where most were seen: commits 4fda389, fb5a49b and ed857f5 of August 2026. */
export const seenIn = {
  pydantic: 'github.com/pydantic/pydantic-ai, tests/models/cassettes',
  ruby: 'github.com/crmne/ruby_llm, spec/fixtures/vcr_cassettes',
  vercel: 'github.com/vercel/ai, packages',
} as const
