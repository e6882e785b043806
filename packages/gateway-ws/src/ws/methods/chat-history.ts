/** `chat.history`: the conversation, its unfinished runs, and the changes since an earlier response. */
import type { SessionHistory } from '@beamclaw/core'
import type { ChatHistoryParams, ChatMessage, OpenRunShape } from '@beamclaw/protocol'
import { cut, toChatMessage, toChatMessages } from '../chat-messages.ts'
import { historyOrNone } from '../history-or-none.ts'
import { fullKey, type Method } from './call.ts'
import { unansweredRuns } from './unanswered-runs.ts'

const defaultLimit = 200
const maxLimit = 1_000

/** Maximum bytes of messages, as JSON, in one response. */
const maxBytes = 6 * 1_024 * 1_024

export const chatHistory: Method<'chat.history'> = async (params, world, { connection }) => {
  const { cursor, before, limit = cursor === undefined ? defaultLimit : maxLimit } = params
  const key = fullKey(world, params.sessionKey, params.agentId)
  // A client that reconnected and asks for the history also receives the events from now on.
  if (world.hub.isEverywhere(connection)) await world.hub.touch(key)
  const handle = world.claw.session(key)
  const isOlder = cursor === undefined && before !== undefined
  const history = await historyOrNone(handle, isOlder ? { limit, before } : { limit })
  // Writing megabytes of messages takes milliseconds.
  await world.turns.next()
  const { total } = history
  const runs = history.runs.map(runOf)
  // The cursor is always that of the newest message.
  const deltaCursor = cursorOf(isOlder ? await historyOrNone(handle, { limit: 1 }) : history)
  if (cursor !== undefined) {
    const since = newerThan(history, cursor)
    if (since === undefined) return { kind: 'reset' }
    const { messages, isCut } = messagesOf(since, params)
    return isCut ? { kind: 'reset' } : { kind: 'delta', messages, deltaCursor, sessionInfo: { sessionKey: key, total, runs } }
  }
  const { messages, first, isCut } = messagesOf(history.messages, params)
  const unanswered = await unansweredRuns(handle, history)
  const ended = unanswered.length === 0 ? {} : { unanswered: [...unanswered] }
  const older = first === undefined || first === 0 ? {} : { before: first }
  return { sessionKey: key, messages, total, ...older, runs, deltaCursor, ...ended, ...(isCut ? { truncated: true } : {}) }
}

/** Returns the newest messages that fit, and the number of the first of them. */
function messagesOf(
  entries: SessionHistory['messages'],
  { maxChars }: Pick<ChatHistoryParams, 'maxChars'>,
): { readonly messages: ChatMessage[]; readonly first: number | undefined; readonly isCut: boolean } {
  const chosen: (readonly ChatMessage[])[] = []
  let first: number | undefined
  let bytes = 0
  for (let index = entries.length - 1; index >= 0; index--) {
    const entry = entries[index]
    if (entry === undefined) break
    const whole = toChatMessages(entry.message, Math.round(entry.createdAt), entry.runId)
    const messages = maxChars === undefined ? whole : whole.map((message) => cut(message, maxChars))
    bytes += Buffer.byteLength(JSON.stringify(messages))
    if (bytes > maxBytes) return { messages: chosen.reverse().flat(), first, isCut: true }
    chosen.push(messages)
    first = entry.index
  }
  return { messages: chosen.reverse().flat(), first, isCut: false }
}

function runOf({ runId, status, createdAt, message }: SessionHistory['runs'][number]): OpenRunShape {
  const shown = message === undefined ? {} : { message: toChatMessage(message, Math.round(createdAt), runId) }
  return { runId, status, at: Math.round(createdAt), ...shown }
}

/** Returns the cursor of a history: its length and its last message. */
function cursorOf({ total, messages }: SessionHistory): string {
  const last = messages.at(-1)
  return Buffer.from(JSON.stringify([total, last?.runId ?? '', last?.createdAt ?? 0])).toString('base64url')
}

/** Returns the messages after the one that the cursor names; undefined when that one is gone, or too far back. */
function newerThan({ total, messages }: SessionHistory, cursor: string): SessionHistory['messages'] | undefined {
  const [seen, runId, at] = parseCursor(cursor)
  if (seen === undefined || seen > total) return undefined
  const start = seen - (total - messages.length)
  if (seen === 0 && start === 0) return messages
  const last = messages[start - 1]
  return last?.runId === runId && last?.createdAt === at ? messages.slice(start) : undefined
}

function parseCursor(cursor: string): readonly [number | undefined, unknown, unknown] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    if (!Array.isArray(value) || !Number.isInteger(value[0]) || (value[0] as number) < 0) return [undefined, undefined, undefined]
    return [value[0] as number, value[1], value[2]]
  } catch {
    return [undefined, undefined, undefined]
  }
}
