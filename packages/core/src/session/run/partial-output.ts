/** Follows a JSON answer while the model writes it. */
import type { RunEvent } from '../../base/events.ts'
import { type JsonValue, textOf } from '../../base/messages.ts'
import { partialJson } from './partial-json.ts'
import { jsonIn } from './structured-output.ts'

/** A value that is still being written: any part of it may be missing. */
export type DeepPartial<T> = T extends readonly (infer TItem)[]
  ? readonly DeepPartial<TItem>[]
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> }
    : T

/** A long answer is parsed again once it has grown by this fraction, so that the total cost stays linear in its length. */
const growth = 1 / 64

/**
 * Yields the parsed answer as it grows, never the same value twice in a row; the last value of an answer is the complete one. With `isWhole` the
 * events have every piece of the text; without it only complete answers are parsed.
 */
export async function* partialValues(events: AsyncIterable<RunEvent>, isWhole: boolean): AsyncGenerator<JsonValue> {
  let text = ''
  let readLength = 0
  let lastTold: string | undefined
  const isNew = (value: JsonValue | undefined): value is JsonValue => {
    const json = JSON.stringify(value)
    const hasChanged = json !== undefined && json !== lastTold
    if (hasChanged) lastTold = json
    return hasChanged
  }
  for await (const event of events) {
    // Earlier text is void, or belongs to another turn.
    if (event.type === 'model-request') {
      text = ''
      readLength = 0
    } else if (event.type === 'text-delta' && isWhole) {
      text += event.text
      if (text.length - readLength < readLength * growth) continue
      readLength = text.length
      const value = partialJson(text)
      if (isNew(value)) yield value
    } else if (event.type === 'message') {
      const [value] = jsonIn(textOf(event.message))
      if (isNew(value)) yield value
    }
  }
}
