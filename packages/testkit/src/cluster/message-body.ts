/** Bodies on their way between nodes: JSON text, so that two nodes share no object. */
import { BeamClawError, type JsonValue } from '@beamclaw/core'
import { encodeJson, toWireError } from '@beamclaw/core/adapter'
import type { Envelope } from './message-lines.ts'

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

/** Resolves with the reply to a request, or with the error in its place. */
export async function replyTo({ id, from, to }: Envelope, handle: () => Promise<JsonValue>): Promise<Envelope> {
  const reply = { kind: 'reply', id, from: to, to: from } as const
  try {
    return { ...reply, text: encodeBody(await handle()) }
  } catch (error) {
    return { ...reply, text: encodeBody(toWireError(error)), isFailure: true }
  }
}
