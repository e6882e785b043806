/** `beamclaw history`: a conversation, oldest message first, and the runs that are not over. */
import type { ChatMessage, OpenRunShape, UnansweredRun } from '@beamclaw/protocol'
import { ClientError } from '../client/client-error.ts'
import { coloured, harmless, say, sayIndented, sayJson, shownTime } from '../output.ts'
import { count } from './arguments.ts'
import { type GatewayFlags, withGateway } from './with-gateway.ts'

export interface HistoryFlags extends GatewayFlags {
  readonly limit?: string
  readonly before?: string
}

export async function history(sessionKey: string, flags: HistoryFlags): Promise<void> {
  const limit = count('--limit', flags.limit ?? '50', 1_000)
  const before = flags.before === undefined ? {} : { before: count('--before', flags.before, Number.MAX_SAFE_INTEGER) }
  const page = await withGateway(flags, (client) => client.request('chat.history', { sessionKey, limit, ...before }))
  if ('kind' in page) throw new ClientError('not-a-gateway', 'The gateway answered with a part of the history')
  if (flags.json === true) return sayJson(page)
  if (page.messages.length === 0 && page.runs.length === 0) return say(`${page.sessionKey} has no messages`)
  if (page.before !== undefined) say(coloured('dim', `… ${page.before} older; more with --before ${page.before}`))
  const last = new Map(page.messages.map((message, index) => [message.runId, index]))
  const ends = new Map(page.unanswered?.map((run) => [last.get(run.runId), run]))
  for (const [index, message] of page.messages.entries()) {
    showMessage(message)
    const run = ends.get(index)
    if (run !== undefined) showEnd(run)
  }
  for (const run of page.runs) showRun(run)
}

function showMessage(message: ChatMessage): void {
  const name = message.role === 'toolResult' ? `tool ${message.toolName ?? ''}`.trim() : message.role
  say(`${coloured('dim', shownTime(message.timestamp))} ${coloured('bold', harmless(name))}`)
  sayIndented(textOf(message))
}

/** Prints a run without an answer. */
function showEnd({ outcome, code, errorMessage }: UnansweredRun): void {
  const why = errorMessage === undefined ? '' : `: ${harmless(errorMessage)}${code === undefined ? '' : ` (${code})`}`
  sayIndented(coloured('yellow', `[${outcome}${why}]`))
}

function showRun({ status, runId, at, message }: OpenRunShape): void {
  say(`${coloured('dim', shownTime(at))} ${coloured('yellow', status)} ${harmless(runId)}`)
  if (message !== undefined) sayIndented(textOf(message))
}

function textOf({ content }: ChatMessage): string {
  const parts = content.map((part) => {
    if (part.type === 'text') return part.blob === undefined ? part.text : `${part.text}\n… ${part.size} bytes in all`
    if (part.type === 'thinking') return `[thinking] ${part.thinking}`
    if (part.type === 'toolCall') return `[calls ${part.name} ${JSON.stringify(part.arguments)}]`
    return `[picture ${part.mimeType}]`
  })
  return harmless(parts.join('\n'))
}
