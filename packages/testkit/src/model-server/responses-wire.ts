/** Writes scripted answers as OpenAI's Responses API does. */
import type { JsonObject } from '@beamclaw/core'
import type { ModelAnswer, SseFrame } from './answer.ts'

/** The events of a streamed answer. */
export function responsesFrames(_answer: ModelAnswer, _model: string): readonly SseFrame[] {
  return []
}

/** The body of an answer that is not streamed. */
export function responsesBody(_answer: ModelAnswer, _model: string): JsonObject {
  return {}
}
