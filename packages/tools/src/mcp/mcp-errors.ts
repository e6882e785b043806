/** The failures of MCP servers. What a server says itself is bounded, and marked as its words. */
import { type BeamClawError, defineErrors } from '@beamclaw/core'
import { firstCharacters } from '@beamclaw/core/adapter'
import { withoutMarkers } from '../web/untrusted-content.ts'

/** Makes the errors of this entry. */
export const mcpError = defineErrors({
  'mcp-unavailable': { kind: 'unavailable', isRetryable: true },
  'mcp-timeout': { kind: 'timeout' },
  'mcp-call-lost': { kind: 'upstream' },
  'mcp-refused': { kind: 'upstream' },
})

const maxWords = 1_000

/** Returns words of a server that may stand in a message: on one line, bounded, without characters that are not seen. */
export function wordsOf(text: string, most: number = maxWords): string {
  const line = withoutMarkers(text).replaceAll(/\s+/g, ' ').trim()
  return line.length <= most ? line : `${firstCharacters(line, most)}…`
}

/** Returns the error for a server that has no connection; nothing was sent to it, so that a call may be tried again. */
export function unavailable(server: string, problem: string, cause?: unknown): BeamClawError {
  return mcpError('mcp-unavailable', `MCP server "${server}" is not available: ${problem}`, {
    details: { server },
    ...(cause === undefined ? {} : { cause }),
  })
}
