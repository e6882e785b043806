/** Documents that are text: services take those as text. Data may stand in a data URL too. */
import type { FilePart, ImagePart } from '@beamclaw/core'

/** Returns true for an address that holds the data itself. */
export function isDataUrl(url: string): boolean {
  return /^data:/i.test(url)
}

/** Returns the base64 in an image or a file; undefined for one that is only an address. */
export function dataOf({ data, url = '' }: ImagePart | FilePart): string | undefined {
  return data ?? /^data:[^,]*;base64,(.*)$/is.exec(url)?.[1]
}

/**
 * Returns the text of a document with data; undefined for one that is no text. Data that is not base64 becomes a text that says so: an error would come
 * again with every later request of its session.
 */
export function textOfFile(part: FilePart): string | undefined {
  const data = dataOf(part)
  if (data === undefined || !/^(?:text\/|application\/(?:json|xml|yaml)\b)/i.test(part.mediaType)) return undefined
  return decoded(data) ?? '[this file cannot be read: its data is not base64]'
}

function decoded(data: string): string | undefined {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)))
  } catch {
    return undefined
  }
}
