/** The method `agent`, which has two responses, the method `agent.wait`, and the event `agent`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty, runIdText, sessionKeyText, timestamp } from '../primitives.ts'
import { usageShape } from '../usage.ts'
import { attachment } from './chat.ts'

const agentParams = z.strictObject({
  message: nonEmpty,
  idempotencyKey: runIdText,
  agentId: nonEmpty.optional(),
  /** Full key, or the session part of one. @default the agent's session "main" */
  sessionKey: sessionKeyText.optional(),
  sessionId: z.string().optional(),
  thinking: z.enum(['off', 'low', 'medium', 'high']).optional(),
  attachments: z.array(attachment).max(8).optional(),
  /** Seconds after which the run is aborted; 0 for no limit. */
  timeout: count.max(2_147_483).optional(),
  deliver: z.boolean().optional(),
  channel: z.string().optional(),
  lane: z.string().optional(),
  label: z.string().max(512).optional(),
})

/** First response of `agent`: the message is durable. */
export const agentAccepted = z.strictObject({
  runId: runIdText,
  status: z.literal('accepted'),
  sessionKey: nonEmpty,
  acceptedAt: timestamp,
})

/** Second response of `agent`. */
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
  /** Milliseconds to wait. @default 30000 */
  timeoutMs: count.max(2_147_483_647).optional(),
  /** Required for runs that this gateway did not start. */
  sessionKey: sessionKeyText.optional(),
})

/** Result of `agent.wait`. `timeout`: the run is not over yet. */
const agentWaitResult = z.strictObject({
  runId: runIdText,
  status: z.enum(['ok', 'error', 'aborted', 'timeout']),
  error: z.string().optional(),
})

/** Payload of `agent`: one step of a run. Streams: `lifecycle`, `assistant`, `usage`, and `tool` for clients with the cap `tool-events`. */
export const agentPayload = z.strictObject({
  runId: nonEmpty,
  /** Numbers the events of one run. */
  seq: count,
  stream: nonEmpty,
  ts: timestamp,
  data: z.record(z.string(), z.unknown()),
})

/** Fragment of the methods `agent` and `agent.wait` and the event `agent`. */
export const agentMethods = defineMethods(
  {
    agent: { scope: 'operator.write', params: agentParams, accepted: agentAccepted, result: agentFinal },
    'agent.wait': { scope: 'operator.write', params: agentWaitParams, result: agentWaitResult },
  },
  { events: { agent: { scope: 'operator.read', payload: agentPayload } } },
)

/** Parameters of `agent`. */
export type AgentParams = z.infer<typeof agentParams>
/** First response of `agent`: the message is durable. */
export type AgentAccepted = z.infer<typeof agentAccepted>
/** Second response of `agent`: its run is over. */
export type AgentFinal = z.infer<typeof agentFinal>
/** Parameters of `agent.wait`. */
export type AgentWaitParams = z.infer<typeof agentWaitParams>
/** Result of `agent.wait`. */
export type AgentWaitResult = z.infer<typeof agentWaitResult>
/** Payload of the event `agent`. */
export type AgentPayload = z.infer<typeof agentPayload>
