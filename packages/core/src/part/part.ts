/** A subsystem that joins the tree of a tenant. */
import type { Actor } from '../actor/actor.ts'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { AgentId, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { aFunction, anObject, checkOptions, oneOf, text } from '../base/options.ts'
import type { SystemServices } from '../defaults/services.ts'
import type { Cluster } from '../ports/cluster.ts'
import type { EventBus } from '../ports/event-bus.ts'
import type { Store } from '../ports/store.ts'
import { checkExtensions, type RecordExtension } from '../session/journal/record-extension.ts'
import type { SessionHandle } from '../session/session-handle.ts'
import type { SessionRecords } from '../session/session-records.ts'
import type { ChildSpec } from '../supervisor/child-spec.ts'

/** What a part finds around it: the ports of its tenant, its sessions, and the parts beside it. */
export interface PartHost {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly events: EventBus<RunEvent>
  readonly services: SystemServices
  /** The agents as they are configured now. */
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
  /** Returns a handle on one conversation of this tenant. Throws `invalid-session-key`. */
  session(key: string): SessionHandle
  /** Returns the records of one extension in one conversation of this tenant. Throws `invalid-session-key`. */
  records<TState extends JsonValue>(extension: RecordExtension<TState>, key: string): SessionRecords<TState>
  /** Returns the running actor of another part; undefined while it does not run. */
  part(id: string): Actor<never, unknown> | undefined
}

/** How the child of a part is started and restarted. Its id is the part's. */
export type PartSpec = Omit<ChildSpec, 'id'>

/**
 * A subsystem with a name. Parts start in the order of the list and stop in reverse; when one of them restarts, those after it restart too.
 *
 * @example
 * const ticker: Part = { id: 'ticker', start: (host) => ({ start: () => new Ticker(host.services.clock) }) }
 * const claw = new BeamClaw({ providers, agents, parts: [ticker] })
 */
export interface Part {
  /** 1 to 64 characters, unique in its tenant. */
  readonly id: string
  /**
   * `tenant`: once in each tenant, started after its sessions and stopped before them. `node`: once in the process, started before all tenants
   * and stopped after them, for what their runs need; its host speaks for the default tenant. @default 'tenant'
   */
  readonly level?: 'node' | 'tenant'
  /** What the part adds to the journals of sessions. @default nothing */
  readonly records?: RecordExtension
  /** Called once for each start of the tenant (or the node). Returns how the part's actor is made; it starts nothing itself. */
  start(host: PartHost): PartSpec
}

/** Throws `invalid-option` for what is no part, and `duplicate-child-id` for two of one name. */
export function checkParts(parts: readonly Part[]): void {
  const ids = new Set<string>()
  for (const part of parts) {
    checkOptions<Part>('Part', part, { id: text(64), level: oneOf('node', 'tenant'), records: anObject, start: aFunction }, ['id', 'start'])
    if (ids.has(part.id)) throw new BeamClawError('duplicate-child-id', `Two parts are called "${part.id}"`, { details: { id: part.id } })
    ids.add(part.id)
  }
  checkExtensions(extensionsOf(parts))
}

/** Returns what the parts add to journals. */
export function extensionsOf(parts: readonly Part[]): readonly RecordExtension[] {
  return parts.flatMap(({ records }) => (records === undefined ? [] : [records]))
}

/** Returns the child spec of a part. */
export function childOf(part: Part, host: PartHost): ChildSpec {
  return { ...part.start(host), id: part.id }
}
