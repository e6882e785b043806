/** `chat.send`, `chat.history` and `chat.abort`, and the event `chat`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { chatMessage } from '../messages.ts'
import { count, nonEmpty, runIdText, sessionKeyText, timestamp } from '../primitives.ts'
import { usageShape } from '../usage.ts'

/** An image of a message; `content` is base64, with or without the prefix of a data URL. */
export const attachment = z.strictObject({
  type: z.string().optional(),
  mimeType: z.string().regex(/^image\/[\w.+-]+$/, 'must be an image type such as image/png'),
  fileName: z.string().optional(),
  content: nonEmpty,
})

/** What a message does in a busy session: join the run, wait, wait and be merged with others, or replace the run. */
const queueModes = ['steer', 'followup', 'collect', 'interrupt'] as const

const chatSendParams = z.strictObject({
  sessionKey: sessionKeyText,
  agentId: nonEmpty.optional(),
  sessionId: z.string().optional(),
  message: z.string(),
  idempotencyKey: runIdText,
  queueMode: z.enum(queueModes).optional(),
  attachments: z.array(attachment).max(8).optional(),
  /** Milliseconds after which the run is aborted; 0 for no limit. */
  timeoutMs: count.max(2_147_483_647).optional(),
  /** Thinking level of this session from this message on. */
  thinking: z.enum(['off', 'low', 'medium', 'high']).optional(),
  deliver: z.boolean().optional(),
})

/**
 * Result of `chat.send`, sent once the message is durable. `started`: it is new. `in_flight`: a repeat whose run is not over. `ok`, `error`,
 * `aborted`: a repeat, and the outcome of its run.
 */
const chatSendResult = z.strictObject({
  runId: runIdText,
  status: z.enum(['started', 'in_flight', 'ok', 'error', 'aborted']),
  errorMessage: z.string().optional(),
})

const chatHistoryParams = z.strictObject({
  sessionKey: sessionKeyText,
  agentId: nonEmpty.optional(),
  sessionId: z.string().optional(),
  /** Maximum number of messages, the newest ones. @default 200 */
  limit: z.int().min(1).max(1_000).optional(),
  /** The `before` of an earlier response: returns the page before that one. Without effect beside `cursor`. @default the newest page */
  before: count.optional(),
  /** The `deltaCursor` of an earlier response: returns only the messages since. */
  cursor: z.string().max(1_024).optional(),
  /** Maximum characters of a text; longer ones are cut. */
  maxChars: z.int().min(1).max(500_000).optional(),
})

/** A run that is not over. `interrupted`: its session is not in memory and will continue the run when it is. */
const openRun = z.strictObject({
  runId: nonEmpty,
  status: z.enum(['waiting', 'running', 'interrupted']),
  /** When its message arrived. */
  at: timestamp,
  /** The waiting message; that of a run that has begun is among `messages`. */
  message: chatMessage.optional(),
})

/** A run that is over without an answer. */
const unansweredRun = z.strictObject({
  runId: nonEmpty,
  outcome: z.enum(['aborted', 'failed']),
  code: z.string().optional(),
  errorMessage: z.string().optional(),
})

const chatHistoryPage = z.strictObject({
  sessionKey: nonEmpty,
  /** Oldest first. */
  messages: z.array(chatMessage),
  /** Total number of messages of the session. */
  total: count,
  /** Pass it as `before` to get the page before this one; absent when there is none. */
  before: count.optional(),
  runs: z.array(openRun),
  /** Runs of these messages that ended without an answer, as far as the session remembers. Absent when there are none. */
  unanswered: z.array(unansweredRun).optional(),
  /** Cursor for a later request of the messages since. */
  deltaCursor: z.string(),
  /** True when older messages were left out to bound the response. */
  truncated: z.boolean().optional(),
})

/** Response to a `cursor`: the messages since, or that the cursor is unknown and the whole history must be requested. */
const chatHistoryDelta = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('delta'),
    messages: z.array(chatMessage),
    deltaCursor: z.string(),
    sessionInfo: z.strictObject({ sessionKey: nonEmpty, total: count, runs: z.array(openRun) }),
  }),
  z.strictObject({ kind: z.literal('reset') }),
])

const chatHistoryResult = z.union([chatHistoryPage, chatHistoryDelta])

const chatAbortParams = z.strictObject({
  sessionKey: sessionKeyText,
  agentId: nonEmpty.optional(),
  /** The run to abort. @default the run under way */
  runId: runIdText.optional(),
})

const chatAbortResult = z.strictObject({
  ok: z.literal(true),
  /** False when there was no run to abort. */
  aborted: z.boolean(),
  runIds: z.array(nonEmpty),
})

const ofRun = {
  runId: nonEmpty,
  sessionKey: nonEmpty,
  agentId: nonEmpty.optional(),
  /** Numbers the events of one run. */
  seq: count,
}

/** Payload of `chat`: one step of a run as a conversation shows it. */
export const chatPayload = z.discriminatedUnion('state', [
  z.strictObject({ ...ofRun, state: z.literal('status'), phase: z.enum(['preparing_workspace', 'preparing_context', 'starting_model']) }),
  z.strictObject({
    ...ofRun,
    state: z.literal('delta'),
    deltaText: z.string(),
    /** True when `deltaText` replaces all text of this run so far. */
    replace: z.boolean().optional(),
    /** The message so far; on a run's first delta and with `replace`. */
    message: chatMessage.optional(),
  }),
  z.strictObject({
    ...ofRun,
    state: z.literal('final'),
    message: chatMessage.optional(),
    usage: usageShape.optional(),
    stopReason: z.string().optional(),
  }),
  z.strictObject({
    ...ofRun,
    state: z.literal('aborted'),
    message: chatMessage.optional(),
    errorMessage: z.string().optional(),
    stopReason: z.string().optional(),
  }),
  z.strictObject({
    ...ofRun,
    state: z.literal('error'),
    errorMessage: z.string().optional(),
    errorKind: z.enum(['refusal', 'timeout', 'rate_limit', 'context_length', 'unknown']).optional(),
    message: chatMessage.optional(),
  }),
])

/** Fragment of the methods `chat.send`, `chat.history` and `chat.abort` and the event `chat`. */
export const chatMethods = defineMethods(
  {
    'chat.history': { scope: 'operator.read', params: chatHistoryParams, result: chatHistoryResult },
    'chat.send': { scope: 'operator.write', params: chatSendParams, result: chatSendResult },
    'chat.abort': { scope: 'operator.write', params: chatAbortParams, result: chatAbortResult },
  },
  { events: { chat: { scope: 'operator.read', payload: chatPayload } } },
)

/** Parameters of `chat.send`. */
export type ChatSendParams = z.infer<typeof chatSendParams>
/** Result of `chat.send`. */
export type ChatSendResult = z.infer<typeof chatSendResult>
/** Parameters of `chat.history`. */
export type ChatHistoryParams = z.infer<typeof chatHistoryParams>
/** Result of `chat.history` without a `cursor`. */
export type ChatHistoryPage = z.infer<typeof chatHistoryPage>
/** Result of `chat.history` with a `cursor`. */
export type ChatHistoryDelta = z.infer<typeof chatHistoryDelta>
/** Result of `chat.history`. */
export type ChatHistoryResult = z.infer<typeof chatHistoryResult>
/** Parameters of `chat.abort`. */
export type ChatAbortParams = z.infer<typeof chatAbortParams>
/** Result of `chat.abort`. */
export type ChatAbortResult = z.infer<typeof chatAbortResult>
/** An image of a message. */
export type ChatAttachment = z.infer<typeof attachment>
/** A run that is not over, as histories list it. */
export type OpenRunShape = z.infer<typeof openRun>
/** A run that ended without an answer, as histories list it. */
export type UnansweredRun = z.infer<typeof unansweredRun>
/** Payload of the event `chat`. */
export type ChatPayload = z.infer<typeof chatPayload>
