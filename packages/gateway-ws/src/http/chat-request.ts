/** The schema of Chat Completions requests. */
import type { JsonObject } from '@beamclaw/core'
import * as z from 'zod'

// A file of the service's own store has an id instead; there is none here.
const fileData = z
  .string({ error: 'needs the data of the file: files by id are not supported' })
  .regex(/^data:[\w.+/-]+;base64,/, 'must be a data URL with base64')

const contentPart = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
  z.object({ type: z.literal('file'), file: z.object({ filename: z.string().min(1).max(256).nullish(), file_data: fileData }) }),
])
const content = z.union([z.string(), z.array(contentPart)])
const toolCall = z.object({ id: z.string(), type: z.literal('function'), function: z.object({ name: z.string(), arguments: z.string() }) })

const chatMessage = z.discriminatedUnion('role', [
  z.object({ role: z.literal('system'), content }),
  z.object({ role: z.literal('developer'), content }),
  z.object({ role: z.literal('user'), content }),
  z.object({ role: z.literal('assistant'), content: content.nullish(), tool_calls: z.array(toolCall).nullish() }),
  z.object({ role: z.literal('tool'), tool_call_id: z.string(), content }),
])

const functionName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -')
// The value comes from `JSON.parse`, so its parts need no check.
const jsonSchema = z.custom<JsonObject>((value) => isObject(value), 'expected an object')

const tool = z.object({
  type: z.literal('function', 'only function tools are supported'),
  function: z.object({ name: functionName, description: z.string().nullish(), parameters: jsonSchema.nullish() }),
})

const toolChoice = z.union([
  z.enum(['auto', 'none', 'required']),
  z.object({ type: z.literal('function'), function: z.object({ name: functionName }) }),
])

const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({ type: z.literal('json_schema'), json_schema: z.object({ name: z.string().optional(), schema: jsonSchema.optional() }) }),
])

export const chatRequest = z.object({
  model: z.string().min(1).max(512),
  messages: z.array(chatMessage).min(1),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  n: z.literal(1, 'only n = 1 is supported').nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  tools: z.array(tool).max(128).nullish(),
  tool_choice: toolChoice.nullish(),
  response_format: responseFormat.nullish(),
  user: z.string().max(512).nullish(),
})

export type ChatRequest = z.infer<typeof chatRequest>
export type RequestContent = z.infer<typeof content>

/**
 * Returns the number of messages, parts and tool calls of an unchecked body. Counted before the schema runs, because the schema collects an
 * issue for each bad one.
 */
export function countMessages(body: unknown): number {
  if (!isObject(body) || !Array.isArray(body.messages)) return 0
  let count = body.messages.length
  for (const message of body.messages as readonly unknown[]) {
    if (!isObject(message)) continue
    for (const list of [message.content, message.tool_calls]) if (Array.isArray(list)) count += list.length
  }
  return count
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Maximum number of images and files in one request. */
export const maxImages = 8

/** Returns the number of images and files in a request. */
export function countImages({ messages }: ChatRequest): number {
  const parts = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : (content ?? [])))
  return parts.filter(({ type }) => type !== 'text').length
}
