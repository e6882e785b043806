/** Documents that are text: services take those as text. */
import type { FilePart } from '@beamclaw/core'

/**
 * Returns the text of a document with data; undefined for one that is no text. Data that is not base64 becomes a text that says so: an error would come
 * again with every later request of its session.
 */
export function textOfFile({ mediaType, data }: FilePart): string | undefined {
  if (data === undefined || !/^(?:text\/|application\/(?:json|xml|yaml)\b)/i.test(mediaType)) return undefined
  return decoded(data) ?? '[this file cannot be read: its data is not base64]'
}

function decoded(data: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)))
  } catch {
    return undefined
  }
}
