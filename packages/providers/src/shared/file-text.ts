/** Documents that are text: services take those as text. */
import type { FilePart } from '@beamclaw/core'

/** Returns the text of a document with data; undefined for one that is no text. */
export function textOfFile({ mediaType, data }: FilePart): string | undefined {
  if (data === undefined || !/^(?:text\/|application\/(?:json|xml|yaml)\b)/.test(mediaType)) return undefined
  return new TextDecoder().decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)))
}
