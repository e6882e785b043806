/**
 * What is kept beside the parts of an answer, under the name of the service, so that the next request can hold the same parts again:
 *
 * - text, thinking, a call: `options`, the metadata that the model gave with it
 * - text and thinking: `block`, a number, where a block was cut into pieces because another one began in its middle
 * - thinking: an empty object at least, which says that it is this service's own
 * - a custom part: `part`, as a prompt has it, and `options`
 *
 * An import may have written anything there, so it is read with care.
 */
import type { JsonObject, JsonValue, ProviderMetadata } from '@beamclaw/core'
import { wellFormedJson } from '@beamclaw/core/adapter'
import { objectOf } from '../shared/fields.ts'
import { isKeepable } from '../shared/keepable.ts'
import type { AiSdkServiceOptions } from './ai-sdk-model.ts'

/** Returns the metadata of a part; undefined for what is too large or too deep to be kept. */
export function keep(service: string, fields: JsonObject): ProviderMetadata | undefined {
  return isKeepable(fields) ? { [service]: fields } : undefined
}

/** Returns the metadata of a model as a field of JSON; no field without any. */
export function optionsField(metadata: unknown): { readonly options?: AiSdkServiceOptions } {
  const options = objectOf(plainJson(metadata))
  if (options === undefined) return {}
  const entries = Object.entries(options).filter((entry): entry is [string, JsonObject] => objectOf(entry[1]) !== undefined)
  return entries.length === 0 ? {} : { options: Object.fromEntries(entries) }
}

/** Returns kept metadata as the field of a part of a prompt. */
export function providerOptionsField(kept: JsonObject | undefined): { readonly providerOptions?: AiSdkServiceOptions } {
  const { options } = optionsField(kept?.options)
  return options === undefined ? {} : { providerOptions: options }
}

/** Returns a copy that is JSON; undefined for what is none, such as a cycle. */
export function plainJson(value: unknown): JsonValue | undefined {
  try {
    const text = wellFormedJson(value)
    return text === undefined ? undefined : (JSON.parse(text) as JsonValue)
  } catch {
    return undefined
  }
}
