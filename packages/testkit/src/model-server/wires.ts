/** The protocols that a scripted model writes. */
import type { JsonObject } from '@beamclaw/core'
import type { ModelAnswer, Protocol, ScriptedError, SseFrame } from './answer.ts'
import { anthropicBody, anthropicError, anthropicFrames, anthropicModels } from './anthropic-wire.ts'
import { openAiBody, openAiError, openAiFrames, openAiModels } from './openai-wire.ts'
import { responsesBody, responsesFrames } from './responses-wire.ts'

/** A model of the list. */
export interface ListedModel {
  readonly id: string
  readonly contextWindow?: number
}

/** How one protocol writes an answer. */
export interface Wire {
  /** Where requests for an answer go. */
  readonly path: string
  /** The events of a streamed answer, with its end. */
  readonly frames: (answer: ModelAnswer, model: string) => readonly SseFrame[]
  /** The body of an answer that is not streamed. */
  readonly body: (answer: ModelAnswer, model: string) => JsonObject
  /** The error object for a status. */
  readonly error: (error: ScriptedError) => JsonObject
  /** The answer of `GET /v1/models`. */
  readonly models: (models: readonly ListedModel[], query: URLSearchParams) => JsonObject
}

export const wires: Readonly<Record<Protocol, Wire>> = {
  openai: { path: '/v1/chat/completions', frames: openAiFrames, body: openAiBody, error: openAiError, models: openAiModels },
  'openai-responses': { path: '/v1/responses', frames: responsesFrames, body: responsesBody, error: openAiError, models: openAiModels },
  anthropic: { path: '/v1/messages', frames: anthropicFrames, body: anthropicBody, error: anthropicError, models: anthropicModels },
}

/** Returns the protocol of a request. */
export function protocolOf(path: string, hasAnthropicVersion: boolean): Protocol {
  if (path.endsWith('/messages') || path.endsWith('/count_tokens') || hasAnthropicVersion) return 'anthropic'
  return /\/responses(?:\/|$)/.test(path) ? 'openai-responses' : 'openai'
}
