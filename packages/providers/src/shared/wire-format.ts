/** Parses JSON from a service. Errors never quote it: untrusted input may contain secrets. */
import type { JsonValue, ToolCall } from '@beamclaw/core'
import { firstCharacters } from '@beamclaw/core/adapter'
import { protocolError } from './failure.ts'
import type { ZodMiniType } from './schema.ts'

/** Characters of unreadable tool input that are kept. */
const maxInvalidInputLength = 64 * 1024

/** Returns parsed JSON. Throws `provider-protocol`. */
export function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw protocolError(name, 'the answer holds text that is not JSON', { length: text.length })
  }
}

/** Returns a value that fits the schema. Throws `provider-protocol`, with the path of the wrong part. */
export function checkShape<T>(name: string, schema: ZodMiniType<T>, value: unknown): T {
  const checked = schema.safeParse(value)
  if (checked.success) return checked.data
  const place = checked.error.issues[0]?.path.map(String).join('.').slice(0, 100) || 'its root'
  throw protocolError(name, `the answer has an unexpected shape at ${place}`, { place })
}

/** Returns a complete tool call with the input that the model wrote as JSON text. An empty text means no input. */
export function toToolCall(id: string, name: string, inputText: string): ToolCall {
  if (inputText.trim() === '') return { type: 'tool-call', id, name, input: {} }
  try {
    return { type: 'tool-call', id, name, input: JSON.parse(inputText) as JsonValue }
  } catch {
    return { type: 'tool-call', id, name, input: {}, invalidInput: firstCharacters(inputText, maxInvalidInputLength) }
  }
}
