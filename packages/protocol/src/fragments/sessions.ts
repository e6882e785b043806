/** The method `sessions.list`, the subscriptions to sessions, and the event `sessions.changed`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty, sessionKeyText, timestamp } from '../primitives.ts'

const sessionsListParams = z.strictObject({
  /** Maximum number of sessions. @default 100 */
  limit: z.int().min(1).max(1_000).optional(),
  /** Sessions to leave out, counted from `after`. A cursor costs less. */
  offset: count.optional(),
  /** `nextCursor` of a list with the same `sort`: the page that follows it. */
  after: nonEmpty.max(1_024).optional(),
  /** `updatedAt`: the most recently active first. `createdAt`: the newest first. @default 'key' */
  sort: z.enum(['key', 'updatedAt', 'createdAt']).optional(),
  agentId: nonEmpty.optional(),
  /** Only sessions whose whole keys begin with this text, for example `agent:main:user-7:`. */
  prefix: nonEmpty.max(1_024).optional(),
  /** Only sessions whose settings have this owner, this label. */
  owner: nonEmpty.max(256).optional(),
  label: nonEmpty.max(256).optional(),
  /** Only sessions with activity in this many minutes. */
  activeMinutes: z.int().min(1).optional(),
  includeGlobal: z.boolean().optional(),
  includeUnknown: z.boolean().optional(),
  includeDerivedTitles: z.boolean().optional(),
  includeLastMessage: z.boolean().optional(),
})

const sessionRow = z.strictObject({
  key: nonEmpty,
  kind: z.literal('direct'),
  agentId: nonEmpty,
  sessionId: nonEmpty,
  updatedAt: timestamp.nullable(),
  label: z.string().optional(),
  owner: z.string().optional(),
  channel: z.string().optional(),
  model: z.string().optional(),
  modelProvider: z.string().optional(),
  thinkingLevel: z.string().optional(),
  verboseLevel: z.string().optional(),
})

const sessionsListResult = z.strictObject({
  ts: timestamp,
  count,
  hasMore: z.boolean(),
  nextOffset: count.nullable(),
  /** Pass it as `after` to get the page that follows; null when there is none. */
  nextCursor: nonEmpty.nullable(),
  sessions: z.array(sessionRow),
})

/**
 * Parameters of `sessions.subscribe`. With a session: its `chat` and `agent` events. Without one: those of every session that gets a message
 * through this gateway, and `sessions.changed`. Runs under way begin with their text so far.
 */
const sessionsSubscribeParams = z.strictObject({ sessionKey: sessionKeyText.optional(), agentId: nonEmpty.optional() })

const sessionsSubscribeResult = z.strictObject({ subscribed: z.boolean(), sessionKey: nonEmpty.optional() })

/** Parameters of `sessions.messages.subscribe`; as `sessions.subscribe` with a session. */
const sessionMessagesSubscribeParams = z.strictObject({
  key: sessionKeyText,
  agentId: nonEmpty.optional(),
  includeApprovals: z.literal(true).optional(),
})

const sessionMessagesSubscribeResult = z.strictObject({ subscribed: z.boolean(), key: nonEmpty })

/** Payload of `sessions.changed`: a session has a new message, or a run of it is over. */
export const sessionsChangedPayload = z.strictObject({
  sessionKey: nonEmpty,
  agentId: nonEmpty,
  reason: z.enum(['message', 'run-end']),
  runId: nonEmpty,
  ts: timestamp,
})

const subscription = { scope: 'operator.read', params: sessionsSubscribeParams, result: sessionsSubscribeResult } as const

const messagesSubscription = {
  scope: 'operator.read',
  params: sessionMessagesSubscribeParams,
  result: sessionMessagesSubscribeResult,
} as const

/** Fragment of `sessions.list`, the subscriptions to sessions, and the event `sessions.changed`. */
export const sessionsMethods = defineMethods(
  {
    'sessions.list': { scope: 'operator.read', params: sessionsListParams, result: sessionsListResult },
    'sessions.subscribe': subscription,
    'sessions.unsubscribe': subscription,
    'sessions.messages.subscribe': messagesSubscription,
    'sessions.messages.unsubscribe': messagesSubscription,
  },
  { events: { 'sessions.changed': { scope: 'operator.read', payload: sessionsChangedPayload } } },
)

/** Parameters of `sessions.list`. */
export type SessionsListParams = z.infer<typeof sessionsListParams>
/** One session in the result of `sessions.list`. */
export type SessionRow = z.infer<typeof sessionRow>
/** Result of `sessions.list`. */
export type SessionsListResult = z.infer<typeof sessionsListResult>
/** Parameters of `sessions.subscribe`. */
export type SessionsSubscribeParams = z.infer<typeof sessionsSubscribeParams>
/** Result of `sessions.subscribe`. */
export type SessionsSubscribeResult = z.infer<typeof sessionsSubscribeResult>
/** Parameters of `sessions.messages.subscribe`. */
export type SessionMessagesSubscribeParams = z.infer<typeof sessionMessagesSubscribeParams>
/** Result of `sessions.messages.subscribe`. */
export type SessionMessagesSubscribeResult = z.infer<typeof sessionMessagesSubscribeResult>
/** Payload of the event `sessions.changed`. */
export type SessionsChangedPayload = z.infer<typeof sessionsChangedPayload>
