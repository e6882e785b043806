/** What the gateway tells without being asked. */
import * as z from 'zod'
import { chatMessage } from './messages.ts'
import { count, nonEmpty, timestamp } from './primitives.ts'

/** Every event of this gateway, and the scope that is needed to hear it; `undefined`: everybody hears it. */
export const eventScopes = {
  'connect.challenge': undefined,
  chat: 'operator.read',
  agent: 'operator.read',
  'sessions.changed': 'operator.read',
  tick: undefined,
  shutdown: undefined,
} as const

export type EventName = keyof typeof eventScopes

export const tickPayload = z.strictObject({ ts: timestamp })

/** The gateway stops: what runs is waited for, nothing new is taken. */
export const shutdownPayload = z.strictObject({ reason: nonEmpty, restartExpectedMs: count.optional() })

const ofRun = {
  runId: nonEmpty,
  sessionKey: nonEmpty,
  agentId: nonEmpty.optional(),
  /** Counts the events of one run. */
  seq: count,
}

/** What a run has used so far. */
export const usageShape = z.strictObject({ input: count, output: count, cacheRead: count, cacheWrite: count, total: count })

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

/** A run, step by step. Streams: `lifecycle`, `assistant`, `usage`, and `tool` for those that connected with the cap `tool-events`. */
export const agentPayload = z.strictObject({
  runId: nonEmpty,
  /** Counts the events of one run. */
  seq: count,
  stream: nonEmpty,
  ts: timestamp,
  data: z.record(z.string(), z.unknown()),
})

/** A session has got a message, or a run of it is over. */
export const sessionsChangedPayload = z.strictObject({
  sessionKey: nonEmpty,
  agentId: nonEmpty,
  reason: z.enum(['message', 'run-end']),
  runId: nonEmpty,
  ts: timestamp,
})

export type TickPayload = z.infer<typeof tickPayload>
export type ShutdownPayload = z.infer<typeof shutdownPayload>
export type ChatPayload = z.infer<typeof chatPayload>
export type AgentPayload = z.infer<typeof agentPayload>
export type SessionsChangedPayload = z.infer<typeof sessionsChangedPayload>
export type UsageShape = z.infer<typeof usageShape>
