/** Reads the blocks that only the service understands, kept whole in custom parts. */
import type { AnswerPart, JsonObject } from '@beamclaw/core'
import { objectOf, textIn } from '../shared/fields.ts'

/** Returns the block of a part as it is sent; undefined for a part that has none of this service. */
export function customBlockOf(part: AnswerPart, service: string): JsonObject | undefined {
  if (part.type !== 'custom') return undefined
  const block = objectOf(part.providerMetadata[service]?.block)
  return textIn(block?.type) === undefined ? undefined : block
}
