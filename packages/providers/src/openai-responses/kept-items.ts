/**
 * What is kept beside the parts of an answer, under the name of the service, so that the next request can hold the same items again:
 *
 * - text: `phase`; `refusal` for a refusal; `continues` for a further block of the message before
 * - thinking: `item`, the reasoning item without its status
 * - a call: `arguments` where JSON would be written otherwise than the model wrote it; `namespace` and `caller`
 * - a custom part: `item`, all of it
 *
 * An import may have written anything there, so it is read with care.
 */
import type { JsonObject, JsonValue, ProviderMetadata } from '@beamclaw/core'
import { objectOf, textIn } from '../shared/fields.ts'
import { isKeepable } from '../shared/keepable.ts'

/** Returns the metadata of a part; undefined where there is nothing to keep, or too much of it. */
export function kept(service: string, fields: JsonObject): ProviderMetadata | undefined {
  return Object.keys(fields).length > 0 && isKeepable(fields) ? { [service]: fields } : undefined
}

/** Returns the fields of a reasoning item to keep; undefined for one that the service could make nothing of. */
export function reasoningToKeep({ status: _, content, encrypted_content: encrypted, ...rest }: JsonObject): JsonObject | undefined {
  const hasContent = Array.isArray(content) && content.length > 0
  const hasEncrypted = typeof encrypted === 'string' && encrypted !== ''
  if (!hasContent && !hasEncrypted) return undefined
  return { ...rest, ...(hasContent ? { content } : {}), ...(hasEncrypted ? { encrypted_content: encrypted } : {}) }
}

/**
 * Returns the reasoning item of a part as input. An encrypted one is complete without its id, which OpenAI would look up among what it has stored; in clear
 * text (DeepSeek, open models) it keeps the id that it came with.
 */
export function reasoningInput(item: JsonValue | undefined): JsonObject | undefined {
  const reasoning = objectOf(item)
  if (reasoning?.type !== 'reasoning' || !Array.isArray(reasoning.summary)) return undefined
  const { id, ...rest } = reasoningToKeep(reasoning) ?? {}
  if (rest.type === undefined) return undefined
  return rest.encrypted_content === undefined && textIn(id) !== undefined ? { ...rest, id } : rest
}

/** Items that have parts of their own, that refer to others, or that give the caller's consent: none of them is ever kept whole. */
const notCustom: ReadonlySet<string> = new Set([
  'message',
  'reasoning',
  'function_call',
  'function_call_output',
  'item_reference',
  'mcp_approval_response',
  'additional_tools',
])

/** Returns the item of a custom part as input, if it is one that a service can have made. */
export function customInput(item: JsonValue | undefined, kind: string): JsonObject | undefined {
  const custom = objectOf(item)
  return custom !== undefined && custom.type === kind && !notCustom.has(kind) && custom.role === undefined ? custom : undefined
}

/** Returns what to keep of a call, whose input is written as `JSON.stringify` does unless `arguments` is kept. */
export function callToKeep(item: JsonObject, argumentsText: string, input: JsonValue): JsonObject {
  const { namespace, caller } = item
  return {
    ...(JSON.stringify(input) === argumentsText ? {} : { arguments: argumentsText }),
    ...(typeof namespace === 'string' ? { namespace } : {}),
    ...(objectOf(caller) === undefined ? {} : { caller }),
  }
}

/** Returns the fields of a call as input. The kept text counts only while it means the same input, which a hook or an import may have changed. */
export function callInput(input: JsonValue, { arguments: text, namespace, caller }: JsonObject): JsonObject {
  const written = JSON.stringify(input)
  return {
    arguments: typeof text === 'string' && meansTheSame(text, written) ? text : written,
    ...(typeof namespace === 'string' ? { namespace } : {}),
    ...(objectOf(caller) === undefined ? {} : { caller }),
  }
}

function meansTheSame(text: string, written: string): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === written
  } catch {
    return false
  }
}
