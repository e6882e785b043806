/** Parts: subsystems in the tree of a tenant or of the node. */
import type { Actor, ChildSpec, EventBus, SystemServices } from '@beamclaw/actor'
import { type AnyActor, aFunction, anObject, checkOptions, oneOf, text } from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../agent/agent.ts'
import type { ApprovalGate } from '../approval/approval-gate.ts'
import { BeamClawError, ChildStartError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { AgentId, NodeId, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import type { Store } from '../ports/store.ts'
import { checkExtensions, type RecordExtension } from '../session/journal/record-extension.ts'
import type { SessionHandle } from '../session/session-handle.ts'
import type { SessionRecords } from '../session/session-records.ts'

/** The same part at the other nodes of the cluster. A node that is alone has no others. */
export interface PartNodes {
  /** Calls back with the nodes that have left, however they did. Returns what ends that. */
  onLeft(listener: (nodes: readonly NodeRef[]) => void): () => void
  /** Calls `handler` with what the part asks from other nodes. What arrives is to be checked: it may come from another version. Returns what ends that. */
  answer(partId: string, handler: (body: JsonValue) => Promise<JsonValue>): () => void
  /** Asks the part at another node. Rejects with its error, `node-gone` for a node that is not there, and `call-timeout`. */
  ask(partId: string, node: NodeId, body: JsonValue, options?: { readonly timeoutMs?: number }): Promise<JsonValue>
}

/** The environment of a part: the ports of its tenant, its sessions, and the other parts. */
export interface PartHost {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly events: EventBus<RunEvent>
  readonly services: SystemServices
  /** The agents as they are configured now. */
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
  /** The approvals of this tenant. */
  readonly approvals: ApprovalGate
  /** Returns a handle on one conversation of this tenant. Throws `invalid-session-key`. */
  session(key: string): SessionHandle
  /** Returns the records of one extension in one conversation of this tenant. Throws `invalid-session-key`. */
  records<TState extends JsonValue>(extension: RecordExtension<TState>, key: string): SessionRecords<TState>
  /** The same tenant at the other nodes. */
  readonly nodes: PartNodes
  /** Returns the running actor of another part; undefined while it does not run. */
  part(id: string): Actor<never, unknown> | undefined
}

/** The child spec of a part, without an id: that is the part's. */
export type PartSpec<TActor extends AnyActor = AnyActor> = Omit<ChildSpec<TActor>, 'id'>

/**
 * A subsystem with a name. Parts start in the order of the list and stop in reverse; when one of them restarts, those after it restart too.
 *
 * @example
 * const ticker: Part = { id: 'ticker', start: (host) => ({ start: () => new Ticker(host.services.clock) }) }
 * const claw = new BeamClaw({ providers, agents, parts: [ticker] })
 */
export interface Part<TActor extends AnyActor = AnyActor> {
  /** 1 to 64 characters, unique in its tenant. */
  readonly id: string
  /**
   * `tenant`: once in each tenant, started after its sessions and stopped before them. `node`: once in the process, started before all tenants
   * and stopped after them, for services that runs need; its host has the sessions of the default tenant. @default 'tenant'
   */
  readonly level?: 'node' | 'tenant'
  /** The part's records in the journals of sessions. @default none */
  readonly records?: RecordExtension
  /** Called once for each start of the tenant (or the node). Returns the child spec of the part's actor; it starts nothing itself. */
  start(host: PartHost): PartSpec<TActor>
}

/** Ids that the tree itself uses, in a tenant and in the node. */
const tenantIds: readonly string[] = ['activity', 'tools', 'sessions', 'approvals', 'waker', 'retention', 'parts']
const nodeIds: readonly string[] = ['tenants', 'parts']

/** Throws `invalid-option` for a value that is no part, and `duplicate-child-id` for two parts with one id or one that the tree uses. */
export function checkParts(parts: readonly Part[]): void {
  const ids = new Set<string>()
  for (const part of parts) {
    checkOptions<Part>('Part', part, { id: text(64), level: oneOf('node', 'tenant'), records: anObject, start: aFunction }, ['id', 'start'])
    const reserved = part.level === 'node' ? nodeIds : tenantIds
    if (reserved.includes(part.id)) {
      const problem = `"${part.id}" is a part that is always there; give yours another id`
      throw new BeamClawError('duplicate-child-id', problem, { details: { id: part.id, reserved } })
    }
    if (ids.has(part.id)) throw new BeamClawError('duplicate-child-id', `Two parts are called "${part.id}"`, { details: { id: part.id } })
    ids.add(part.id)
  }
  checkExtensions(extensionsOf(parts))
}

/** Returns the record extensions of the parts. */
export function extensionsOf(parts: readonly Part[]): readonly RecordExtension[] {
  return parts.flatMap(({ records }) => (records === undefined ? [] : [records]))
}

/** Returns the child spec of a part. Throws `child-start-failed`, with the part's id, when its `start` throws. */
export function childOf(part: Part, host: PartHost): ChildSpec {
  try {
    return { ...part.start(host), id: part.id }
  } catch (cause) {
    throw new ChildStartError(part.id, cause)
  }
}
