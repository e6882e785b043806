/** `agent`, which answers twice, and `agent.wait`, and the event `agent`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty, runIdText, sessionKeyText, timestamp } from '../primitives.ts'
import { usageShape } from '../usage.ts'
import { attachment } from './chat.ts'

const agentParams = z.strictObject({
  message: nonEmpty,
  idempotencyKey: runIdText,
  agentId: nonEmpty.optional(),
  /** @default the agent's session "main" */
  sessionKey: sessionKeyText.optional(),
  sessionId: z.string().optional(),
  thinking: z.enum(['off', 'low', 'medium', 'high']).optional(),
  attachments: z.array(attachment).max(8).optional(),
  /** Seconds after which the run is aborted; 0 is no limit. */
  timeout: count.max(2_147_483).optional(),
  deliver: z.boolean().optional(),
  channel: z.string().optional(),
  lane: z.string().optional(),
  label: z.string().max(512).optional(),
})

/** The first answer: the message is durable. */
export const agentAccepted = z.strictObject({
  runId: runIdText,
  status: z.literal('accepted'),
  sessionKey: nonEmpty,
  acceptedAt: timestamp,
})

/** The second answer. */
const agentFinal = z.strictObject({
  runId: runIdText,
  status: z.enum(['ok', 'error', 'aborted']),
  summary: z.string(),
  result: z
    .strictObject({
      payloads: z.array(z.strictObject({ text: z.string(), mediaUrl: z.null() })),
      meta: z.strictObject({ sessionKey: nonEmpty, stopReason: z.string().optional(), usage: usageShape }),
    })
    .optional(),
})

const agentWaitParams = z.strictObject({
  runId: runIdText,
  /** @default 30000 */
  timeoutMs: count.max(2_147_483_647).optional(),
  /** Needed for runs that this gateway has not started itself. */
  sessionKey: sessionKeyText.optional(),
})

/** `timeout`: the run is not over yet. */
const agentWaitResult = z.strictObject({
  runId: runIdText,
  status: z.enum(['ok', 'error', 'aborted', 'timeout']),
  error: z.string().optional(),
})

/** A run, step by step. Streams: `lifecycle`, `assistant`, `usage`, and `tool` for those that connected with the cap `tool-events`. */
export const agentPayload = z.strictObject({
  runId: nonEmpty,
  /** Counts the events of one run. */
  seq: count,
  stream: nonEmpty,
  ts: timestamp,
  data: z.record(z.string(), z.unknown()),
})

export const agentMethods = defineMethods(
  {
    agent: { scope: 'operator.write', params: agentParams, accepted: agentAccepted, result: agentFinal },
    'agent.wait': { scope: 'operator.write', params: agentWaitParams, result: agentWaitResult },
  },
  { events: { agent: { scope: 'operator.read', payload: agentPayload } } },
)

export type AgentParams = z.infer<typeof agentParams>
export type AgentAccepted = z.infer<typeof agentAccepted>
export type AgentFinal = z.infer<typeof agentFinal>
export type AgentWaitParams = z.infer<typeof agentWaitParams>
export type AgentWaitResult = z.infer<typeof agentWaitResult>
export type AgentPayload = z.infer<typeof agentPayload>
