/** Bodies on their way between nodes: JSON text, so that two nodes share no object. */
import { BeamClawError, type JsonValue } from '@beamclaw/core'
import { encodeJson } from '@beamclaw/core/adapter'

/** Returns the text of a body. Throws `invalid-message` for what is not JSON. */
export function encodeBody(body: JsonValue): string {
  try {
    return encodeJson(body, Number.MAX_SAFE_INTEGER)
  } catch (error) {
    throw new BeamClawError('invalid-message', 'The message was not sent: its body is not JSON', { cause: error })
  }
}

/** Returns a body as the other side sees it. */
export function decodeBody(text: string): JsonValue {
  return JSON.parse(text) as JsonValue
}
