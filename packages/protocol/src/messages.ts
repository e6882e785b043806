/** One message of a conversation, as in histories and `chat` events. */
import * as z from 'zod'
import { nonEmpty, timestamp } from './primitives.ts'

const part = z.discriminatedUnion('type', [
  /** With `blob`, `text` is the beginning of a long result of a tool; the attachment of that id has the whole, of `size` bytes. */
  z.strictObject({ type: z.literal('text'), text: z.string(), blob: nonEmpty.optional(), size: z.number().optional() }),
  z.strictObject({ type: z.literal('thinking'), thinking: z.string() }),
  /** `data` is base64; `url` is the location of the image; `blob` is the id of the session's attachment with the image, of `size` bytes. */
  z.strictObject({
    type: z.literal('image'),
    mimeType: nonEmpty,
    data: z.string().optional(),
    url: z.string().optional(),
    blob: nonEmpty.optional(),
    size: z.number().optional(),
  }),
  /** A document, as an image is. */
  z.strictObject({
    type: z.literal('file'),
    mimeType: nonEmpty,
    name: nonEmpty.optional(),
    data: z.string().optional(),
    url: z.string().optional(),
    blob: nonEmpty.optional(),
    size: z.number().optional(),
  }),
  z.strictObject({ type: z.literal('toolCall'), id: z.string(), name: z.string(), arguments: z.unknown() }),
])

/** One message of a conversation. A `toolResult` belongs to the `toolCall` with the same id. */
export const chatMessage = z.strictObject({
  role: z.enum(['user', 'assistant', 'toolResult']),
  content: z.array(part),
  /** When it was stored, in milliseconds since 1970. */
  timestamp,
  runId: nonEmpty.optional(),
  toolCallId: z.string().optional(),
  toolName: z.string().optional(),
  isError: z.boolean().optional(),
})

/** One message of a conversation. */
export type ChatMessage = z.infer<typeof chatMessage>
/** One part of a message: a text, an image, a tool call or the like, told apart by `type`. */
export type ChatMessagePart = z.infer<typeof part>
