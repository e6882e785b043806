/** `agent`, which answers twice, `agent.wait` and `agents.list`. */
import * as z from 'zod'
import { usageShape } from '../events.ts'
import { count, nonEmpty, runIdText, sessionKeyText, timestamp } from '../primitives.ts'
import { attachment } from './chat.ts'

export const agentParams = z.strictObject({
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
export const agentFinal = z.strictObject({
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

export const agentWaitParams = z.strictObject({
  runId: runIdText,
  /** @default 30000 */
  timeoutMs: count.max(2_147_483_647).optional(),
  /** Needed for runs that this gateway has not started itself. */
  sessionKey: sessionKeyText.optional(),
})

/** `timeout`: the run is not over yet. */
export const agentWaitResult = z.strictObject({
  runId: runIdText,
  status: z.enum(['ok', 'error', 'aborted', 'timeout']),
  error: z.string().optional(),
})

export const agentsListParams = z.strictObject({})

export const agentsListResult = z.strictObject({
  defaultId: nonEmpty,
  /** The session part of the key that an agent's main conversation has. */
  mainKey: nonEmpty,
  scope: z.literal('per-sender'),
  agents: z.array(z.strictObject({ id: nonEmpty, name: nonEmpty.optional(), model: z.strictObject({ primary: nonEmpty }) })),
})

export type AgentParams = z.infer<typeof agentParams>
export type AgentAccepted = z.infer<typeof agentAccepted>
export type AgentFinal = z.infer<typeof agentFinal>
export type AgentWaitParams = z.infer<typeof agentWaitParams>
export type AgentWaitResult = z.infer<typeof agentWaitResult>
export type AgentsListParams = z.infer<typeof agentsListParams>
export type AgentsListResult = z.infer<typeof agentsListResult>
