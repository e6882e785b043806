/** Progress of tools while they run: bounded in size, and ignored after they have ended. */
import type { JsonValue } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'

/** Maximum bytes of one piece of progress as JSON. */
const maxProgressBytes = 64_000

/**
 * Returns the `progress` function of a tool. It throws `invalid-message` for a value that is not JSON, `document-too-large` for one that is too
 * large, and does nothing once the tool was told to stop.
 */
export function boundedProgress(tell: (data: JsonValue) => void, signal: AbortSignal): (data: JsonValue) => void {
  return (data) => {
    if (signal.aborted) return
    // A copy, so that later changes by the tool have no effect.
    tell(JSON.parse(encodeJson(data, maxProgressBytes)) as JsonValue)
  }
}
