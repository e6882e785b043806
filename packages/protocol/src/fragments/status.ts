/** `health` and `status`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty, timestamp } from '../primitives.ts'

/** Parameters of `health`: options of other gateways, which have no effect here. */
const healthParams = z.strictObject({ probe: z.boolean().optional(), includeSensitive: z.boolean().optional() })

const healthResult = z.strictObject({ ok: z.literal(true), ts: timestamp, uptimeMs: count, version: nonEmpty })

const statusParams = z.strictObject({ includeChannelSummary: z.boolean().optional() })

const statusResult = z.strictObject({
  readiness: z.enum(['ready', 'starting', 'draining', 'isolated']),
  version: nonEmpty,
  protocol: z.int(),
  ts: timestamp,
  uptimeMs: count,
  /** Number of WebSocket connections, including this one. */
  connections: count,
  agents: z.array(z.strictObject({ id: nonEmpty, model: nonEmpty })),
  /** Numbers of sessions in memory, and of all supervised actors. */
  processes: z.strictObject({ sessions: count, total: count }),
  /** The gateways that share the store, this one among them. */
  nodes: z.array(z.strictObject({ id: nonEmpty, state: z.enum(['up', 'draining']) })),
  memory: z.strictObject({ rssBytes: count }),
})

/** Fragment of the methods `health` and `status`. */
export const statusMethods = defineMethods({
  health: { scope: 'operator.read', params: healthParams, result: healthResult },
  status: { scope: 'operator.read', params: statusParams, result: statusResult },
})

/** Parameters of `health`. */
export type HealthParams = z.infer<typeof healthParams>
/** Result of `health`. */
export type HealthResult = z.infer<typeof healthResult>
/** Parameters of `status`. */
export type StatusParams = z.infer<typeof statusParams>
/** Result of `status`. */
export type StatusResult = z.infer<typeof statusResult>
