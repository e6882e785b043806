/** Reads the message from the request body of the AI SDK's `useChat`. The body is untrusted input: every field used is checked, the rest is ignored. */
import { describeValue } from '@beamclaw/actor/internal'
import { BeamClawError } from '../../base/errors.ts'
import { parseRunId } from '../../base/ids.ts'
import { choiceOf, eachOf, type Fail, fieldsOf, pieceOf, read, stringOf } from '../../base/message-check.ts'
import type { ContentPart, FilePart, ImagePart, UserMessage } from '../../base/messages.ts'
import { firstCharacters } from '../../base/well-formed.ts'

/** The message of a chat, in the form that `SessionHandle.send` takes. */
export interface PostedUiMessage {
  /** The id of the chat, chosen by the browser: 1 to 256 characters of any kind. Use it in a session key through `sessionKeyOf`, after the user's id. */
  readonly chatId: string
  readonly content: UserMessage['content']
  /** For `send`: the id of the message as the idempotency key, so that a repeated request gets the same run. Without a key for a regeneration, which is a new run. */
  readonly options: { readonly idempotencyKey?: string }
  /** True when the chat asks for another answer to a message that was sent before: take that message back first, with `rewind`. */
  readonly isRegenerate: boolean
}

const maxChatIdLength = 256
const maxParts = 100
const maxTextLength = 1_000_000
/** Maximum characters of base64. */
const maxDataLength = 20 * 1024 * 1024

/** The image types that every service accepts. An image of another type would make each later request of the conversation fail. */
const imageTypes: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp']

/** The document types that every service with documents accepts. */
const fileTypes: readonly string[] = ['application/pdf', 'text/plain']

const maxNameLength = 256

const fail: Fail = (problem) => new BeamClawError('invalid-message', `readUiMessage: ${problem}`)

/**
 * Returns the last message of the parsed JSON that the AI SDK's `useChat` posts: `{ id, messages }`, or `{ id, message }` where the transport sends
 * only the last one. Earlier messages are ignored, because the session has the history. Accepts text, PNG, JPEG, GIF and WebP images, PDF and plain text,
 * these as data URLs; at most 100 parts, 1,000,000 characters of text and 20 MiB of base64. Throws `invalid-message`, with the path of the value, for anything
 * else. That includes a last message that is not the user's, and a file URL, which the model server would fetch.
 *
 * @example
 * const { chatId, content, options } = readUiMessage(await request.json())
 * const run = running.session(sessionKeyOf('main', userId, chatId)).send(content, options)
 * return run.toResponse({ format: 'ui-message-stream' })
 */
export function readUiMessage(body: unknown): PostedUiMessage {
  return read(() => postedMessageOf(body), 'body', fail)
}

function postedMessageOf(body: unknown): PostedUiMessage {
  const { id, message, messages, trigger } = fieldsOf(body, 'body', fail)
  if (typeof id !== 'string' || id === '' || id.length > maxChatIdLength) {
    throw fail(`id must be a string of 1 to ${maxChatIdLength} characters, received ${describeValue(id)}`)
  }
  if ((message === undefined) === (messages === undefined)) throw fail('the body must have exactly one of "message" and "messages"')
  const isRegenerate = trigger === 'regenerate-message'
  const { content, idempotencyKey } = messages === undefined ? messageOf(message, 'message') : lastOf(messages)
  return { chatId: id, content, options: isRegenerate ? {} : { idempotencyKey }, isRegenerate }
}

/** The part of a message that is sent. */
interface ReadMessage {
  readonly content: UserMessage['content']
  readonly idempotencyKey: string
}

function lastOf(messages: unknown): ReadMessage {
  if (!Array.isArray(messages)) throw fail(`messages must be an array, received ${describeValue(messages)}`)
  if (messages.length === 0) throw fail('messages must not be empty')
  return messageOf(messages.at(-1), `messages[${messages.length - 1}]`)
}

function messageOf(value: unknown, path: string): ReadMessage {
  const { id, role, parts } = fieldsOf(value, path, fail)
  choiceOf(role, ['user'], `${path}.role`, fail)
  return { content: contentOf(parts, `${path}.parts`), idempotencyKey: keyOf(id, `${path}.id`) }
}

function keyOf(id: unknown, path: string): string {
  try {
    return parseRunId(id)
  } catch {
    throw fail(`${path} must be 1 to 256 printable ASCII characters without spaces, received ${describeValue(id)}`)
  }
}

function contentOf(parts: unknown, path: string): UserMessage['content'] {
  if (Array.isArray(parts) && parts.length > maxParts) throw fail(`${path} must hold at most ${maxParts} parts, received ${parts.length}`)
  const size = { text: 0, data: 0 }
  const read = eachOf(parts, path, fail, (part, place) => partOf(part, place, size))
  // A chat that sends only an image adds an empty text to it.
  const content = read.filter((part) => part.type !== 'text' || part.text !== '')
  const [first] = content
  if (first === undefined) throw fail(`${path} must hold text, an image or a file`)
  return content.length === 1 && first.type === 'text' ? first.text : content
}

/** Reads one part. `size` is the total size of the parts so far, and grows. */
function partOf(value: unknown, path: string, size: { text: number; data: number }): ContentPart {
  const part = fieldsOf(value, path, fail)
  if (choiceOf(part.type, ['text', 'file'], `${path}.type`, fail) === 'text') {
    const text = stringOf(part.text, `${path}.text`, fail)
    size.text += text.length
    if (size.text > maxTextLength) throw fail(`${path}.text must bring the texts to at most ${maxTextLength} characters`)
    return { type: 'text', text }
  }
  const file = fileOf(part, path)
  size.data += file.data.length
  if (size.data > maxDataLength) throw fail(`${path}.url must bring images and files to at most ${maxDataLength} characters of base64`)
  return file
}

function fileOf(
  { mediaType, url, filename }: Readonly<Record<string, unknown>>,
  path: string,
): (ImagePart | FilePart) & { readonly data: string } {
  const [, type = '', data = ''] = /^data:([\w.+/-]{1,64});base64,(.*)$/s.exec(pieceOf(url, `${path}.url`, fail)) ?? []
  if (!isBase64(data)) throw fail(`${path}.url must be a data URL with base64; addresses are not taken from a browser`)
  const ofData = type.toLowerCase()
  const isFile = fileTypes.includes(ofData)
  if (!isFile && !imageTypes.includes(ofData)) throw fail(`${path}.mediaType must be one of ${[...imageTypes, ...fileTypes].join(', ')}`)
  const given = pieceOf(mediaType, `${path}.mediaType`, fail).toLowerCase()
  const isSame = given === ofData || (!isFile && (given === 'image' || given === 'image/*'))
  if (!isSame) throw fail(`${path}.mediaType must be the type of its data`)
  if (!isFile) return { type: 'image', mediaType: ofData, data }
  const name = filename === undefined ? '' : firstCharacters(stringOf(filename, `${path}.filename`, fail), maxNameLength)
  return { type: 'file', mediaType: ofData, ...(name === '' ? {} : { name }), data }
}

function isBase64(data: string): boolean {
  return data !== '' && data.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(data.replace(/={1,2}$/, ''))
}
