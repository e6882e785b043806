/** Converts the output of a tool to text or parts of a bounded size. */
import { maxModelCharacters } from '../base/attachments.ts'
import type { ContentPart } from '../base/messages.ts'
import { firstCharacters, lastCharacters } from '../base/well-formed.ts'
import { plainData } from './plain-data.ts'
import type { ToolOutput } from './tool.ts'
import { replyOf } from './tool-reply.ts'

/** Characters of one output that are kept: what the model does not get is in the attachment. Of several parts no more is kept than the model gets. */
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
    return { content: typeof content === 'string' ? capped(content, maxKeptCharacters) : cappedParts(content), isError }
  }
  if (typeof output === 'string') return { content: capped(output, maxKeptCharacters), isError: false }
  return { content: capped(JSON.stringify(plainData(output)) ?? '', maxKeptCharacters), isError: false }
}

/** Returns the parts, in order, within the limits of one output. */
function cappedParts(parts: readonly ContentPart[]): ContentPart[] {
  let textLeft = parts.length === 1 ? maxKeptCharacters : maxModelCharacters
  let dataLeft = maxDataCharacters
  const kept: ContentPart[] = []
  for (const [index, part] of parts.entries()) {
    const size = part.type === 'text' ? part.text.length : (part.data ?? part.url ?? '').length
    if (part.type !== 'text' && size > dataLeft) {
      kept.push({ type: 'text', text: `[${part.type === 'image' ? 'an image' : 'a file'} of ${size} characters was left out]` })
    } else if (part.type !== 'text') {
      dataLeft -= size
      kept.push(part)
    } else {
      kept.push({ type: 'text', text: capped(part.text, textLeft) })
      textLeft -= size
    }
    if (textLeft > 0 || index === parts.length - 1) continue
    kept.push({ type: 'text', text: `… ${parts.length - index - 1} parts left out …` })
    break
  }
  return kept
}

/** Returns well-formed text; a long one with its middle replaced by a note of the omitted characters. */
export function capped(text: string, maximum = maxModelCharacters): string {
  if (text.length <= maximum) return text.toWellFormed()
  const start = firstCharacters(text, Math.floor(maximum / 2))
  const end = lastCharacters(text, Math.floor(maximum / 2))
  return `${start}\n… ${text.length - start.length - end.length} characters left out …\n${end}`.toWellFormed()
}
