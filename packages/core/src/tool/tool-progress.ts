/** What tools tell while they run: small, and not after they have ended. */
import type { JsonValue } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'

/** Bytes that one piece of progress may have as JSON. */
const maxProgressBytes = 64_000

/**
 * Returns the function that a tool gets. It throws `invalid-message` for what is no JSON, `document-too-large` for too much of it, and does nothing once
 * the tool was told to stop.
 */
export function boundedProgress(tell: (data: JsonValue) => void, signal: AbortSignal): (data: JsonValue) => void {
  return (data) => {
    if (signal.aborted) return
    // A copy: what the tool changes afterwards was not told.
    tell(JSON.parse(encodeJson(data, maxProgressBytes)) as JsonValue)
  }
}
