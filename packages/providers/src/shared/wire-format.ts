/** Reads JSON that came from a service. Texts that do not fit are never quoted: they may hold anything. */
import type { JsonValue, ToolCall } from '@beamclaw/core'
import { firstCharacters } from '@beamclaw/core/adapter'
import { protocolError } from './failure.ts'
import type { ZodMiniType } from './schema.ts'

/** What of unreadable tool input is kept. */
const maxInvalidInputLength = 64 * 1024

/** Parses JSON; throws `provider-protocol`. */
export function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw protocolError(name, 'the answer holds text that is not JSON', { length: text.length })
  }
}

/** Checks the shape of a value; throws `provider-protocol` naming the place. */
export function checkShape<T>(name: string, schema: ZodMiniType<T>, value: unknown): T {
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data
  const place = checked.error.issues[0]?.path.map(String).join('.').slice(0, 100) || 'its root'
  throw protocolError(name, `the answer has an unexpected shape at ${place}`, { place })
}

/** A whole tool call out of the input text that the model wrote. No text means no input. */
export function toToolCall(id: string, name: string, inputText: string): ToolCall {
  if (inputText.trim() === '') return { type: 'tool-call', id, name, input: {} }
  try {
    return { type: 'tool-call', id, name, input: JSON.parse(inputText) as JsonValue }
  } catch {
    return { type: 'tool-call', id, name, input: {}, invalidInput: firstCharacters(inputText, maxInvalidInputLength) }
  }
}
