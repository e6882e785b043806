/** Puts what is to be an attachment into blobs, and a reference to it in its place. */
import {
  bytesOfPart,
  type ContentOwner,
  hasAttachments,
  isAttachment,
  isReference,
  noBase64,
  partsOf,
  problemOfPart,
  type Reference,
  referringPart,
  refersIn,
  type ShownContent,
} from '../../base/attachments.ts'
import type { Fail } from '../../base/message-check.ts'
import type { ContentPart, Message, ToolResult, UserMessage } from '../../base/messages.ts'

/** The blobs of a session, as content is kept in them. */
export interface ContentKeeper {
  /** Resolves with the id of the bytes once they are durable. */
  readonly put: (bytes: Uint8Array) => Promise<string>
  /** Resolves with the size of an attachment that the session has; undefined for one that it has not. */
  readonly sizeOf: (id: string) => Promise<number | undefined>
}

/** Returns true for content that a journal may not hold as it is: whose references are not checked, or which no service could read. */
export function needsKeeping(content: ShownContent, owner: ContentOwner): boolean {
  if (typeof content !== 'string' && content.some((part) => problemOfPart(part) !== undefined)) return true
  return refersIn(content) || hasAttachments(content, owner)
}

/** Resolves with the content of a user. Rejects with `fail` for a forged reference and for what no service can read, and as the store does. */
export async function keptUserContent(
  content: UserMessage['content'],
  keeper: ContentKeeper,
  path: string,
  fail: Fail,
): Promise<UserMessage['content']> {
  return needsKeeping(content, 'user') ? await keptParts(content, 'user', keeper, { path, fail }) : content
}

/** Resolves with messages from elsewhere. Rejects as `keptUserContent` does. */
export async function keptMessage(message: Message, keeper: ContentKeeper, path: string, fail: Fail): Promise<Message> {
  if (message.role === 'user') {
    const content = await keptUserContent(message.content, keeper, `${path}.content`, fail)
    return content === message.content ? message : { role: 'user', content }
  }
  if (message.role !== 'tool' || !message.content.some(({ content }) => needsKeeping(content, 'tool'))) return message
  const results: ToolResult[] = []
  for (const [index, result] of message.content.entries()) {
    const place = { path: `${path}.content[${index}].content`, fail }
    const isKept = !needsKeeping(result.content, 'tool')
    results.push(isKept ? result : { ...result, content: await keptParts(result.content, 'tool', keeper, place) })
  }
  return { role: 'tool', content: results }
}

interface Place {
  readonly path: string
  readonly fail: Fail
}

async function keptParts(
  content: ShownContent,
  owner: ContentOwner,
  keeper: ContentKeeper,
  { path, fail }: Place,
): Promise<readonly ContentPart[]> {
  const kept: ContentPart[] = []
  for (const [index, part] of partsOf(content).entries()) {
    const problem = problemOfPart(part)
    if (problem !== undefined) throw fail(`${path}[${index}].${problem}`)
    if (isReference(part)) kept.push(await ownReference(part, keeper, { path: `${path}[${index}]`, fail }))
    else if (!isAttachment(part, owner)) kept.push(part)
    else {
      const bytes = bytesOfPart(part)
      if (bytes === undefined) throw fail(`${path}[${index}].${noBase64}`)
      kept.push(referringPart(part, await keeper.put(bytes), bytes.length))
    }
  }
  return kept
}

async function ownReference(part: Reference, keeper: ContentKeeper, { path, fail }: Place): Promise<Reference> {
  const size = await keeper.sizeOf(part.blob)
  if (size === undefined) throw fail(`${path}.blob names no attachment of this session; send the data`)
  return { ...part, size }
}

/**
 * Resolves with a result that a journal can hold, whatever the tool returned: a part that cannot be kept is replaced by a note for the model, and
 * `onLost` is told why. Never rejects: the tool has run.
 */
export async function keptResult(result: ToolResult, keeper: ContentKeeper, onLost: (error: unknown) => void): Promise<ToolResult> {
  const kept: ContentPart[] = []
  for (const part of partsOf(result.content)) {
    try {
      kept.push(...(await keptParts([part], 'tool', keeper, { path: 'content', fail: (problem) => new Error(problem) })))
    } catch (error) {
      onLost(error)
      kept.push(lostPart(part))
    }
  }
  return { ...result, content: kept }
}

function lostPart(part: ContentPart): ContentPart {
  if (part.type !== 'text') {
    const what = part.type === 'image' ? 'an image' : 'a file'
    return { type: 'text', text: `[${what} was left out: it could not be stored]` }
  }
  const { text } = referringPart(part, '', 0) as { readonly text: string }
  return { type: 'text', text: `${text}\n… the rest was left out: it could not be stored …` }
}
