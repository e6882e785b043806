/** The response to a granted `connect`. */
import { type HelloOk, protocolVersion } from '@beamclaw/protocol'
import type { GatewayLimits } from '../limits.ts'
import type { ConnectionInfo } from '../methods/implement-methods.ts'
import type { MethodTable } from '../methods/method-table.ts'

export interface HelloFacts {
  readonly version: string
  readonly uptimeMs: number
  /** Wall time in milliseconds. */
  readonly now: number
  readonly limits: GatewayLimits
  readonly table: MethodTable
}

/** Returns the `hello-ok` payload. `features` lists all methods and events, also those beyond the granted scopes: clients then request a scope. */
export function helloOf({ id, scopes }: ConnectionInfo, { version, uptimeMs, now, limits, table }: HelloFacts): HelloOk {
  const { maxPayload, maxBufferedBytes, tickIntervalMs } = limits
  return {
    type: 'hello-ok',
    protocol: protocolVersion,
    server: { version, connId: id },
    features: { methods: [...table.methods.keys()], events: [...table.events.keys()] },
    snapshot: {
      presence: [],
      health: { ok: true, ts: Math.round(now) },
      stateVersion: { presence: 0, health: 0 },
      uptimeMs,
    },
    auth: { role: 'operator', scopes: [...scopes] },
    policy: { maxPayload, maxBufferedBytes, tickIntervalMs },
  }
}
