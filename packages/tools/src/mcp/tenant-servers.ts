/** The servers of one tenant: nothing of them is shared with another. */
import { type ChildSpec, Supervisor } from '@beamclaw/core'
import type { McpConnection } from './mcp-connection.ts'
import { unavailable } from './mcp-errors.ts'
import { ServerActor, type ServerActorParts, type ServerUse } from './server-actor.ts'

/** A server that crashes again and again is started at longer and longer intervals; the limit is beyond what that can reach. */
const restarts = { backoff: { minMs: 100, maxMs: 30_000 }, maxRestarts: 100, withinMs: 60_000 } as const
/** Milliseconds that a server has to end. */
const shutdownMs = 6_000

/** What one server is made of, but what its tenant adds. */
export type ServerParts = Omit<ServerActorParts, 'use'>

/** Owns the supervisor of the tenant's servers, and what their incarnations leave to each other. */
export class TenantServers {
  readonly supervisor: Supervisor
  readonly #uses = new Map<string, ServerUse>()

  constructor(servers: readonly ServerParts[]) {
    this.supervisor = new Supervisor({ id: 'mcp', ...restarts, children: servers.map((parts) => this.#childOf(parts)) })
  }

  /** Resolves with the connection of a server. Rejects `mcp-unavailable`. */
  async connection(server: string): Promise<McpConnection> {
    return this.#actor(server).connection()
  }

  /** Makes a new connection, after the server has forgotten the one there is. */
  forget(server: string): void {
    const actor = this.supervisor.child(server)
    if (actor instanceof ServerActor) actor.forget('the server has forgotten the connection')
  }

  #actor(server: string): ServerActor {
    const actor = this.supervisor.child(server)
    if (actor instanceof ServerActor) return actor
    const problem = this.#uses.get(server)?.problem
    throw unavailable(server, problem === undefined ? 'it is being started again.' : `it is started again soon. ${problem}`)
  }

  #childOf(parts: ServerParts): ChildSpec {
    const use: ServerUse = { isConnected: false, problem: undefined }
    this.#uses.set(parts.name, use)
    return { id: parts.name, shutdownMs, start: () => new ServerActor({ ...parts, use }) }
  }
}
