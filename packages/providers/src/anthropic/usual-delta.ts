/** Recognises the pieces of text, thinking and input, which the schema would take longer to check than everything else that is done with them. */
import type { AnthropicEvent } from './anthropic-api.ts'

const fields = { text_delta: 'text', thinking_delta: 'thinking', input_json_delta: 'partial_json' } as const

type Fields = Readonly<Record<string, unknown>>

/** Returns the event if it is a piece in the usual shape, which the schema accepts as well; undefined for every other value. */
export function usualDelta(value: Fields): AnthropicEvent | undefined {
  const { type, index, delta } = value
  if (type !== 'content_block_delta' || typeof index !== 'number' || typeof delta !== 'object' || delta === null) return undefined
  for (const name in value) if (name !== 'type' && name !== 'index' && name !== 'delta') return undefined
  const { type: kind } = delta as Fields
  if (typeof kind !== 'string' || !Object.hasOwn(fields, kind)) return undefined
  const field = fields[kind as keyof typeof fields]
  for (const name in delta) if (name !== 'type' && name !== field) return undefined
  return typeof (delta as Fields)[field] === 'string' ? (value as AnthropicEvent) : undefined
}
