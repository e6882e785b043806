/** Converts the output of a tool to text or parts of a bounded size. */
import { isLongText, maxModelCharacters, type ShownContent } from '../base/attachments.ts'
import type { ContentPart } from '../base/messages.ts'
import { firstCharacters, lastCharacters } from '../base/well-formed.ts'
import { plainData } from './plain-data.ts'
import type { ToolOutput } from './tool.ts'
import { replyOf } from './tool-reply.ts'

/** Characters of one output that are kept: what the model does not get is in the attachment. */
const maxKeptCharacters = 10_000_000

/** Characters of base64 that all images and files of an output may have; one beyond is replaced by a note. */
const maxDataCharacters = 20_000_000

interface ToolContent {
  readonly content: string | readonly ContentPart[]
  readonly isError: boolean
}

/**
 * Returns the content for the model: a reply of `toolResult` and text unchanged, any other value as JSON. Throws `tool-failed` for a value that
 * is no data, and what its getters throw.
 */
export function toToolContent(output: ToolOutput): ToolContent {
  const reply = replyOf(output)
  if (reply !== undefined) {
    const { content, isError } = reply
    return { content: typeof content === 'string' ? capped(content, maxKeptCharacters) : keptParts(content), isError }
  }
  if (typeof output === 'string') return { content: capped(output, maxKeptCharacters), isError: false }
  return { content: capped(JSON.stringify(plainData(output)) ?? '', maxKeptCharacters), isError: false }
}

/** Returns the parts, in order, within the limits of one output. Texts that stay in the message, and are no attachments, are as many as the model gets. */
function keptParts(parts: readonly ContentPart[]): ContentPart[] {
  const left = { inline: maxModelCharacters, attached: maxKeptCharacters }
  return withTexts(partsWithData(parts), (text) => {
    const room = isLongText(text) ? 'attached' : 'inline'
    const maximum = Math.max(0, left[room])
    left[room] -= text.length
    return maximum
  })
}

/** Returns content as a model gets it: its texts together have at most `maxModelCharacters`. */
export function shownContent(content: ShownContent): ShownContent {
  if (typeof content === 'string') return capped(content)
  let left = maxModelCharacters
  return withTexts(content, (text) => {
    const maximum = Math.max(0, left)
    left -= text.length
    return maximum
  })
}

/** Returns the parts with each text cut to the characters that there are for it; what there are none for is counted. */
function withTexts(parts: readonly ContentPart[], charactersFor: (text: string) => number): ContentPart[] {
  const kept: ContentPart[] = []
  let lost = 0
  for (const part of parts) {
    const maximum = part.type === 'text' ? charactersFor(part.text) : 0
    if (part.type !== 'text') kept.push(part)
    else if (maximum > 0 || part.text === '') kept.push({ type: 'text', text: capped(part.text, maximum) })
    else lost++
  }
  if (lost > 0) kept.push({ type: 'text', text: `… ${lost} texts left out …` })
  return kept
}

/** Returns the parts without the images and files for which there is no room. */
function partsWithData(parts: readonly ContentPart[]): ContentPart[] {
  let left = maxDataCharacters
  return parts.map((part) => {
    if (part.type === 'text') return part
    const size = (part.data ?? part.url ?? '').length
    if (size > left) return { type: 'text', text: `[${part.type === 'image' ? 'an image' : 'a file'} of ${size} characters was left out]` }
    left -= size
    return part
  })
}

/** Returns well-formed text; a long one with its middle replaced by a note of the omitted characters. */
export function capped(text: string, maximum = maxModelCharacters): string {
  if (text.length <= maximum) return text.toWellFormed()
  const start = firstCharacters(text, Math.floor(maximum / 2))
  const end = lastCharacters(text, Math.floor(maximum / 2))
  return `${start}\n… ${text.length - start.length - end.length} characters left out …\n${end}`.toWellFormed()
}
