/** Follows an answer of JSON while the model writes it. */
import type { RunEvent } from '../../base/events.ts'
import { type JsonValue, textOf } from '../../base/messages.ts'
import { partialJson } from './partial-json.ts'
import { jsonIn } from './structured-output.ts'

/** What is there of a value that is still being written: any part of it may be missing. */
export type DeepPartial<T> = T extends readonly (infer TItem)[]
  ? readonly DeepPartial<TItem>[]
  : T extends object
    ? { readonly [K in keyof T]?: DeepPartial<T[K]> }
    : T

/** A long answer is read again once it has grown by this part of it, so that reading it costs no more than its length, times a constant. */
const growth = 1 / 64

/**
 * Yields what there is of the answer, each time more of it and never the same twice in a row; the last of an answer is the whole. `isWhole`: the events have every piece of the
 * text; else only whole answers are read.
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
    // What was said before is void, or of another turn.
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
