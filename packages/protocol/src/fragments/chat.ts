/** `chat.send`, `chat.history` and `chat.abort`, and the event `chat`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { chatMessage } from '../messages.ts'
import { count, nonEmpty, runIdText, sessionKeyText, timestamp } from '../primitives.ts'
import { usageShape } from '../usage.ts'

/** A picture beside a message; `content` is base64, with or without the head of a data URL. */
export const attachment = z.strictObject({
  type: z.string().optional(),
  mimeType: z.string().regex(/^image\/[\w.+-]+$/, 'must be an image type such as image/png'),
  fileName: z.string().optional(),
  content: nonEmpty,
})

/** What a message does when the session is busy: join the run, wait, wait and be answered together, or take the run's place. */
const queueModes = ['steer', 'followup', 'collect', 'interrupt'] as const

const chatSendParams = z.strictObject({
  sessionKey: sessionKeyText,
  agentId: nonEmpty.optional(),
  sessionId: z.string().optional(),
  message: z.string(),
  idempotencyKey: runIdText,
  queueMode: z.enum(queueModes).optional(),
  attachments: z.array(attachment).max(8).optional(),
  /** The run is aborted when it takes longer; 0 is no limit. */
  timeoutMs: count.max(2_147_483_647).optional(),
  /** From this message on, in this session. */
  thinking: z.enum(['off', 'low', 'medium', 'high']).optional(),
  deliver: z.boolean().optional(),
})

/**
 * Sent once the message is durable. `started`: it is new. `in_flight`: a repeat, and its run is not over. `ok`, `error`, `aborted`: a
 * repeat, and that is how its run ended.
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
  /** @default 200 */
  limit: z.int().min(1).max(1_000).optional(),
  /** The `deltaCursor` of an earlier answer: only what came since. */
  cursor: z.string().max(1_024).optional(),
  /** Longer texts are cut. */
  maxChars: z.int().min(1).max(500_000).optional(),
})

/** A run that is not over. `interrupted`: its session is not up, and goes on with it when it is. */
const openRun = z.strictObject({
  runId: nonEmpty,
  status: z.enum(['waiting', 'running', 'interrupted']),
  /** When its message came. */
  at: timestamp,
  /** What waits; a message whose run has begun is among the messages. */
  message: chatMessage.optional(),
})

/** A run that is over, and came to no answer: its message stands alone. */
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
  /** Messages that the session has in all. */
  total: count,
  runs: z.array(openRun),
  /** Of the messages above those whose runs ended without an answer, as far as the session remembers. Absent when there are none. */
  unanswered: z.array(unansweredRun).optional(),
  /** For asking later what came since. */
  deltaCursor: z.string(),
  /** Older messages were left out, because there are too many for one answer. */
  truncated: z.boolean().optional(),
})

/** The answer to a `cursor`: what came since, or that it is not known any more and the history has to be asked for anew. */
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
  /** Without one, the run under way. */
  runId: runIdText.optional(),
})

const chatAbortResult = z.strictObject({
  ok: z.literal(true),
  /** False when there was nothing left to abort. */
  aborted: z.boolean(),
  runIds: z.array(nonEmpty),
})

const ofRun = {
  runId: nonEmpty,
  sessionKey: nonEmpty,
  agentId: nonEmpty.optional(),
  /** Counts the events of one run. */
  seq: count,
}

/** A run, as a conversation shows it. */
export const chatPayload = z.discriminatedUnion('state', [
  z.strictObject({ ...ofRun, state: z.literal('status'), phase: z.enum(['preparing_workspace', 'preparing_context', 'starting_model']) }),
  z.strictObject({
    ...ofRun,
    state: z.literal('delta'),
    deltaText: z.string(),
    /** `deltaText` takes the place of all the text of this run so far. */
    replace: z.boolean().optional(),
    /** The message so far; on a run's first delta, and where it is replaced. */
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

export const chatMethods = defineMethods(
  {
    'chat.history': { scope: 'operator.read', params: chatHistoryParams, result: chatHistoryResult },
    'chat.send': { scope: 'operator.write', params: chatSendParams, result: chatSendResult },
    'chat.abort': { scope: 'operator.write', params: chatAbortParams, result: chatAbortResult },
  },
  { events: { chat: { scope: 'operator.read', payload: chatPayload } } },
)

export type ChatSendParams = z.infer<typeof chatSendParams>
export type ChatSendResult = z.infer<typeof chatSendResult>
export type ChatHistoryParams = z.infer<typeof chatHistoryParams>
export type ChatHistoryPage = z.infer<typeof chatHistoryPage>
export type ChatHistoryDelta = z.infer<typeof chatHistoryDelta>
export type ChatHistoryResult = z.infer<typeof chatHistoryResult>
export type ChatAbortParams = z.infer<typeof chatAbortParams>
export type ChatAbortResult = z.infer<typeof chatAbortResult>
export type ChatAttachment = z.infer<typeof attachment>
export type OpenRunShape = z.infer<typeof openRun>
export type UnansweredRun = z.infer<typeof unansweredRun>
export type ChatPayload = z.infer<typeof chatPayload>
