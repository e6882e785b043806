/** One entry of a conversation, as histories and `chat` events show it. */
import * as z from 'zod'
import { nonEmpty, timestamp } from './primitives.ts'

const part = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), text: z.string() }),
  z.strictObject({ type: z.literal('thinking'), thinking: z.string() }),
  /** `data` is base64; `url` points to where the picture is. */
  z.strictObject({ type: z.literal('image'), mimeType: nonEmpty, data: z.string().optional(), url: z.string().optional() }),
  z.strictObject({ type: z.literal('toolCall'), id: z.string(), name: z.string(), arguments: z.unknown() }),
])

/** `toolResult` answers the `toolCall` with the same id. */
export const chatMessage = z.strictObject({
  role: z.enum(['user', 'assistant', 'toolResult']),
  content: z.array(part),
  /** When it was written down, in milliseconds since 1970. */
  timestamp,
  runId: nonEmpty.optional(),
  toolCallId: z.string().optional(),
  toolName: z.string().optional(),
  isError: z.boolean().optional(),
})

export type ChatMessage = z.infer<typeof chatMessage>
export type ChatMessagePart = z.infer<typeof part>
