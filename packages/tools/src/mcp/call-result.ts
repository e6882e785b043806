/** Converts what a server returns to what a model gets: bounded, and marked as words of others. */
import { type ContentPart, type ToolReply, toolResult } from '@beamclaw/core'
import { firstCharacters } from '@beamclaw/core/adapter'
import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/client'
import { markUntrusted } from '../web/untrusted-content.ts'
import { mcpError } from './mcp-errors.ts'

/** Characters of all texts of one result. */
const maxCharacters = 180_000
/** Characters of base64 of all images and files of one result. */
const maxData = 15_000_000
const maxParts = 200
/** Levels of structured content; thousands would overflow the stack. */
const maxDepth = 256

/** A piece of a result: words of the server, or bytes. */
type Piece = { readonly text: string } | Exclude<ContentPart, { readonly type: 'text' }>

/** Returns the reply of a tool for what its server returned. Throws `mcp-refused` for content that is nested too deep. */
export function replyOfCall(server: string, result: CallToolResult): ToolReply {
  const blocks = result.content ?? []
  const pieces = blocks.slice(0, maxParts).map(pieceOf)
  if (blocks.length > maxParts) pieces.push({ text: `[${blocks.length - maxParts} more parts were left out]` })
  const structured = structuredText(server, result.structuredContent)
  // Servers send structured content as text as well, for clients that do not read it.
  const isSaid = structured === undefined || pieces.some((piece) => 'text' in piece && isSameJson(piece.text, structured))
  return replyOfPieces(server, isSaid ? pieces : [...pieces, { text: structured }], result.isError === true)
}

/** Returns the reply for texts of a server. */
export function replyOfText(server: string, text: string): ToolReply {
  return replyOfPieces(server, [{ text }], false)
}

/** Returns the reply for the contents of a resource. */
export function replyOfResource(server: string, contents: readonly ResourceContent[]): ToolReply {
  return replyOfPieces(server, contents.slice(0, maxParts).map(pieceOfResource), false)
}

type ResourceContent = { readonly uri: string; readonly mimeType?: string | undefined } & (
  | { readonly text: string }
  | { readonly blob: string }
)

function pieceOf(block: ContentBlock): Piece {
  switch (block.type) {
    case 'text':
      return { text: block.text }
    case 'image':
      return dataPiece('image', block.mimeType, block.data)
    case 'audio':
      return dataPiece('file', block.mimeType, block.data)
    case 'resource':
      return pieceOfResource(block.resource)
    case 'resource_link':
      return { text: `[resource ${block.uri}${block.description === undefined ? '' : `: ${block.description}`}]` }
    default:
      return { text: '[a part of an unknown kind]' }
  }
}

function pieceOfResource(resource: ResourceContent): Piece {
  if ('text' in resource) return { text: `[resource ${resource.uri}]\n${resource.text}` }
  return dataPiece('file', resource.mimeType ?? 'application/octet-stream', resource.blob)
}

function dataPiece(type: 'image' | 'file', mediaType: string, data: string): Piece {
  const isFit = /^[a-z0-9]+\/[a-z0-9.+-]{1,100}$/i.test(mediaType) && data.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(data)
  if (!isFit) return { text: `[${type === 'image' ? 'an image' : 'a file'} that is no base64, or of no media type]` }
  return { type, mediaType: mediaType.toLowerCase(), data }
}

function replyOfPieces(server: string, pieces: readonly Piece[], isError: boolean): ToolReply {
  const parts: ContentPart[] = []
  let texts: string[] = []
  let charactersLeft = maxCharacters
  let dataLeft = maxData
  const flush = (): void => {
    if (texts.length > 0) parts.push({ type: 'text', text: markUntrusted(texts.join('\n\n'), `the MCP server ${server}`) })
    texts = []
  }
  for (const piece of pieces) {
    if ('text' in piece) {
      texts.push(shortened(piece.text, charactersLeft))
      charactersLeft = Math.max(0, charactersLeft - piece.text.length)
    } else if ((piece.data?.length ?? 0) > dataLeft) {
      texts.push(`[${piece.type === 'image' ? 'an image' : 'a file'} of ${piece.data?.length} characters was left out]`)
    } else {
      flush()
      dataLeft -= piece.data?.length ?? 0
      parts.push(piece)
    }
  }
  flush()
  if (parts.length === 0)
    return toolResult({
      content: isError ? 'The tool failed, and its server says no more.' : 'Done; the server returned nothing.',
      isError,
    })
  return toolResult({ content: parts, isError })
}

function shortened(text: string, most: number): string {
  if (text.length <= most) return text
  const kept = firstCharacters(text, most)
  return `${kept}\n[${text.length - kept.length} more characters were left out]`
}

function structuredText(server: string, value: unknown): string | undefined {
  if (isDeeper(value, maxDepth)) {
    const problem = `MCP server "${server}" responded with structured content that is nested more than ${maxDepth} deep. The call took effect.`
    throw mcpError('mcp-refused', problem, { details: { server } })
  }
  return value === undefined ? undefined : (JSON.stringify(value, undefined, 1) ?? undefined)
}

/** Looks level by level: what is to be found out is whether walking down is safe. */
function isDeeper(value: unknown, most: number): boolean {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []))
  }
  return false
}

function isSameJson(text: string, structured: string): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(JSON.parse(structured))
  } catch {
    return false
  }
}
