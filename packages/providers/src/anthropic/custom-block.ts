/** Blocks that only the service understands: each is kept whole in a custom part, and goes back as it came. */
import type { AnswerPart, JsonObject, ProviderPart } from '@beamclaw/core'
import { objectOf } from '../shared/fields.ts'
import { isKeepable } from '../shared/keepable.ts'
import { keptFor } from '../shared/kept-for.ts'

/** Blocks that have parts of their own, or that only a user sends: none of them is ever kept whole. */
const notCustom: ReadonlySet<string> = new Set([
  'text',
  'thinking',
  'redacted_thinking',
  'tool_use',
  'tool_result',
  'image',
  'document',
  'search_result',
])

/** Returns the part that keeps a block; a warning for a block that is too large. */
export function customPart(block: JsonObject, service: string): ProviderPart {
  const kind = String(block.type)
  if (isKeepable({ block })) return { type: 'custom', kind, providerMetadata: { [service]: { block } } }
  const message = `A block "${kind}" of the answer is too large to be kept with the conversation, so it is not sent back.`
  return { type: 'warning', setting: kind, message }
}

/**
 * Returns the block of a part as it is sent; undefined for a part that has none which the service can have made. An import may have written anything there,
 * and marks for the cache would be taken from those of the request.
 */
export function customBlockOf(part: AnswerPart, service: string): JsonObject | undefined {
  if (part.type !== 'custom' || notCustom.has(part.kind)) return undefined
  const block = objectOf(keptFor(part.providerMetadata, service)?.block)
  if (block?.type !== part.kind || block.role !== undefined) return undefined
  const { cache_control: _, ...unmarked } = block
  return unmarked
}
