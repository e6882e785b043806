/** The wire format of Chat Completions. Unknown fields are ignored; compatible servers may omit fields. */
import type { JsonObject } from '@beamclaw/core'
import * as z from '../shared/schema.ts'

const extraContent = z.catch(z.nullish(z.record(z.string(), z.unknown())), undefined)

// Mistral's thinking is a list of parts within a part.
const contentPart = z.object({
  type: z.nullish(z.string()),
  text: z.nullish(z.string()),
  thinking: z.catch(z.nullish(z.union([z.string(), z.array(z.object({ text: z.nullish(z.string()) }))])), undefined),
  closed: z.catch(z.nullish(z.boolean()), undefined),
})

const toolCallPiece = z.object({
  index: z.nullish(z.int()),
  id: z.nullish(z.string()),
  function: z.nullish(
    z.object({
      name: z.nullish(z.string()),
      // Text by the specification; some servers send the parsed object.
      arguments: z.nullish(z.union([z.string(), z.record(z.string(), z.unknown())])),
    }),
  ),
  extra_content: extraContent,
})

const messagePiece = z.object({
  content: z.nullish(z.union([z.string(), z.array(contentPart)])),
  reasoning_content: z.nullish(z.string()),
  reasoning: z.catch(z.nullish(z.string()), undefined),
  reasoning_text: z.catch(z.nullish(z.string()), undefined),
  reasoning_details: z.catch(z.nullish(z.array(z.unknown())), undefined),
  extra_content: extraContent,
  refusal: z.nullish(z.string()),
  tool_calls: z.nullish(z.array(toolCallPiece)),
})

// A count that is none is not known: the others, and the answer, are as good without it.
const aCount = z.catch(z.nullish(z.number()), undefined)
const inputDetails = z.object({ cached_tokens: aCount, cache_write_tokens: aCount })

const usage = z.object({
  prompt_tokens: aCount,
  completion_tokens: aCount,
  total_tokens: aCount,
  prompt_tokens_details: z.catch(z.nullish(inputDetails), undefined),
  completion_tokens_details: z.catch(z.nullish(z.object({ reasoning_tokens: aCount })), undefined),
  prompt_cache_hit_tokens: aCount,
  cached_tokens: aCount,
})

/** One chunk of a stream, or a whole completion: the latter has `message` where the former has `delta`. */
export const openAiChunk = z.object({
  choices: z.nullish(
    z.array(
      z.object({
        index: z.nullish(z.number()),
        delta: z.nullish(messagePiece),
        message: z.nullish(messagePiece),
        finish_reason: z.nullish(z.string()),
        // Kimi
        usage: z.catch(z.nullish(usage), undefined),
      }),
    ),
  ),
  usage: z.catch(z.nullish(usage), undefined),
  x_groq: z.catch(z.nullish(z.object({ usage: z.nullish(usage) })), undefined),
  error: z.optional(z.unknown()),
})

export type OpenAiChunk = z.infer<typeof openAiChunk>
export type OpenAiMessagePiece = z.infer<typeof messagePiece>
export type OpenAiContentPart = z.infer<typeof contentPart>
export type OpenAiToolCallPiece = z.infer<typeof toolCallPiece>
export type OpenAiUsage = z.infer<typeof usage>

const anAmount = z.catch(z.nullish(z.union([z.number(), z.string()])), undefined)

/** The answer of `GET /models`, with what services tell of a model: see `model-list.ts`. */
export const openAiModels = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      context_length: aCount,
      max_model_len: aCount,
      context_window: aCount,
      max_context_length: aCount,
      loaded_context_length: aCount,
      max_completion_tokens: aCount,
      top_provider: z.catch(z.nullish(z.object({ max_completion_tokens: aCount })), undefined),
      pricing: z.catch(
        z.nullish(z.object({ prompt: anAmount, completion: anAmount, input_cache_read: anAmount, input_cache_write: anAmount })),
        undefined,
      ),
    }),
  ),
  links: z.catch(z.nullish(z.object({ next: z.nullish(z.string()) })), undefined),
})

export type OpenAiListedModel = z.infer<typeof openAiModels>['data'][number]

/** The body of a request. */
export type OpenAiRequest = JsonObject
