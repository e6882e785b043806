/** `health` and `status`. */
import * as z from 'zod'
import { defineMethods } from '../define-methods.ts'
import { count, nonEmpty, timestamp } from '../primitives.ts'

/** Options of other gateways that make no difference here. */
const healthParams = z.strictObject({ probe: z.boolean().optional(), includeSensitive: z.boolean().optional() })

const healthResult = z.strictObject({ ok: z.literal(true), ts: timestamp, uptimeMs: count, version: nonEmpty })

const statusParams = z.strictObject({ includeChannelSummary: z.boolean().optional() })

const statusResult = z.strictObject({
  readiness: z.enum(['ready', 'starting', 'draining']),
  version: nonEmpty,
  protocol: z.int(),
  ts: timestamp,
  uptimeMs: count,
  /** WebSocket connections, this one included. */
  connections: count,
  agents: z.array(z.strictObject({ id: nonEmpty, model: nonEmpty })),
  /** Sessions that are up, and what is supervised in all. */
  processes: z.strictObject({ sessions: count, total: count }),
  memory: z.strictObject({ rssBytes: count }),
})

export const statusMethods = defineMethods({
  health: { scope: 'operator.read', params: healthParams, result: healthResult },
  status: { scope: 'operator.read', params: statusParams, result: statusResult },
})

export type HealthParams = z.infer<typeof healthParams>
export type HealthResult = z.infer<typeof healthResult>
export type StatusParams = z.infer<typeof statusParams>
export type StatusResult = z.infer<typeof statusResult>
