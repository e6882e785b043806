/** Turns whatever a tool returned into text or parts of a bounded size. */
import { contentOf, type Fail } from '../base/message-check.ts'
import type { ImagePart, TextPart } from '../base/messages.ts'
import { firstCharacters, lastCharacters } from '../base/well-formed.ts'
import type { ToolOutput } from './tool.ts'

/** Characters of a tool's answer that the model and the journal get to see: its beginning and its end. */
const maxToolCharacters = 200_000

/** Characters of all its images, which are base64, that are kept; those that do not fit are named instead. */
const maxImageCharacters = 20_000_000

interface ToolContent {
  readonly content: string | readonly (TextPart | ImagePart)[]
  readonly isError: boolean
}

/** Returns what the model gets to see. Throws only what the output's own getters throw. */
export function toToolContent(output: ToolOutput): ToolContent {
  const shown = shownContent(output)
  if (shown !== undefined) {
    const { content, isError } = shown
    return { content: typeof content === 'string' ? capped(content) : cappedParts(content), isError }
  }
  if (output === undefined) return { content: '', isError: false }
  if (typeof output === 'string') return { content: capped(output), isError: false }
  try {
    return { content: capped(JSON.stringify(output) ?? ''), isError: false }
  } catch {
    return { content: 'Error: the tool answered with something that is not JSON', isError: true }
  }
}

/** Returns the content that an output has, with no field beside it but `isError`; undefined for any other value, which the model sees as JSON. */
function shownContent(output: unknown): ToolContent | undefined {
  if (typeof output !== 'object' || output === null || !('content' in output)) return undefined
  if (Object.keys(output).some((name) => name !== 'content' && name !== 'isError')) return undefined
  const { isError = false } = output as { readonly isError?: unknown }
  if (typeof isError !== 'boolean') return undefined
  try {
    return { content: contentOf(output.content, 'content', misfit), isError }
  } catch (error) {
    if (error instanceof Misfit) return undefined
    throw error
  }
}

class Misfit extends Error {}

const misfit: Fail = (problem) => new Misfit(problem)

/** Parts that share what one answer may hold, in their order. */
function cappedParts(parts: readonly (TextPart | ImagePart)[]): (TextPart | ImagePart)[] {
  let textLeft = maxToolCharacters
  let imagesLeft = maxImageCharacters
  const kept: (TextPart | ImagePart)[] = []
  for (const [index, part] of parts.entries()) {
    const size = part.type === 'text' ? part.text.length : (part.data ?? part.url ?? '').length
    if (part.type === 'image' && size > imagesLeft) {
      kept.push({ type: 'text', text: `[an image of ${size} characters was left out]` })
    } else if (part.type === 'image') {
      imagesLeft -= size
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

/** Returns well-formed text: a long one with its middle cut out, and a note of how much that was. */
export function capped(text: string, maximum = maxToolCharacters): string {
  if (text.length <= maximum) return text.toWellFormed()
  const start = firstCharacters(text, Math.floor(maximum / 2))
  const end = lastCharacters(text, Math.floor(maximum / 2))
  return `${start}\n… ${text.length - start.length - end.length} characters left out …\n${end}`.toWellFormed()
}
