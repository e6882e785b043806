/** The files that a model makes. */
import type { JsonObject } from '@beamclaw/core'
import { objectOf, textIn } from '../shared/fields.ts'
import type { StreamPart } from './ai-sdk-model.ts'

/** Returns a file as JSON, of either version: base64 `data` or a `url`; undefined for a part without one. */
export function fileToKeep({ mediaType, data: given }: StreamPart): JsonObject | undefined {
  if (typeof mediaType !== 'string') return undefined
  const { data, url } = isBytes(given) || typeof given === 'string' ? { data: given, url: undefined } : (objectOf(given) ?? {})
  const address: unknown = url
  if (address instanceof URL) return { mediaType, url: address.href }
  const text = isBytes(data) ? base64Of(data) : textIn(data)
  return text === undefined ? undefined : { mediaType, data: text }
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array
}

/** Bytes for one call of `fromCharCode`, which takes its arguments from the stack. */
const step = 0x8000

function base64Of(bytes: Uint8Array): string {
  let binary = ''
  for (let start = 0; start < bytes.length; start += step) binary += String.fromCharCode(...bytes.subarray(start, start + step))
  return btoa(binary)
}
