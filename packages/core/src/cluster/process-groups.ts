/** Groups of actors, which may be at any nodes of a cluster. */

import { type ActorRef, callDefaults, type SystemServices } from '@beamclaw/actor'
import { checkOptions, duration, guardedRead } from '@beamclaw/actor/internal'
import type { ErrorCode } from '../base/error-codes.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { NodeId, TenantId } from '../base/ids.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import { checkName } from './check-input.ts'
import { type GroupHandler, type GroupTarget, groupCopy, groupTarget } from './group-target.ts'
import type { SharedEntries } from './shared-entries.ts'

/** Options of a call to a group or to a member of one. */
export interface GroupCallOptions {
  /** Milliseconds until the caller stops waiting. @default 5000 */
  readonly timeoutMs?: number
}

/** A member of a group. It stays usable when the member has left; calls then reject. */
export interface GroupMember {
  /** Unlike that of every other member of any group. */
  readonly id: string
  readonly node: NodeId
  /** True for a member at this node. */
  readonly isLocal: boolean
  /** Sends a message without waiting for a reply; it may be lost. Throws `invalid-message` for what is no JSON, and `message-too-large`. */
  cast(message: JsonValue): void
  /**
   * Sends a message, and resolves with the reply: JSON, or undefined. Rejects with the error of the member; `actor-not-running` when it has left the group, and
   * `node-gone` when its node is dead, with `details.isUndelivered` true where it is certain that the message was not handled; `call-timeout`, after which
   * nothing is known; `internal` for a handler that threw an error of another kind; and `invalid-message`, `message-too-large` and `invalid-option`.
   */
  call(message: JsonValue, options?: GroupCallOptions): Promise<unknown>
}

/** A message to the members of a group at another node; without `member` to all that are there. */
interface GroupFrame {
  readonly group: string
  readonly member?: string
  readonly message: JsonValue
}

/** What a `ProcessGroups` needs. */
export interface ProcessGroupsOptions {
  readonly tenant: TenantId
  readonly entries: SharedEntries
  readonly cluster: Cluster
  readonly services: SystemServices
}

/**
 * Groups of actors by name, as Erlang's `pg` has them: an actor joins at its node, and every node of the cluster sees and reaches it. Messages are JSON, of at
 * most 1 MiB, also within a node, so that a program is the same with one node and with several. One for each tenant, at `running.groups`.
 *
 * Phases: `open → stopped`, with the BeamClaw. Owns the members at this node; the table of all members is its `SharedEntries`.
 * I1: A member is in the table from its join until it leaves, its actor ends, or its node leaves the cluster.
 * I2: A member sees copies, and what it throws reaches the caller, or the log, and no other member.
 *
 * @example
 * running.groups.join('indexers', indexer)
 * running.groups.cast('indexers', { type: 'refresh' })
 * const found = await running.groups.call('indexers', { type: 'find', text: 'tea' })
 */
export class ProcessGroups {
  readonly #options: ProcessGroupsOptions
  readonly #here = new Map<string, GroupTarget>()

  /** Made by core. */
  constructor(options: ProcessGroupsOptions) {
    this.#options = options
  }

  /**
   * Adds a member at this node, and returns what removes it; calling that again does nothing. An actor that ends leaves by itself. A group's name has 1 to 256
   * characters. An actor that joins twice is two members. Throws `invalid-option`, `actor-not-running` for an actor that has ended, and once the tree has
   * ended, and `overloaded` when this node has 100,000 members.
   *
   * @example
   * const leave = running.groups.join('caches', { handle: () => cache.clear() })
   */
  join(group: string, member: ActorRef | GroupHandler): () => void {
    checkName('ProcessGroups.join', 'group', group)
    const { entries, services } = this.#options
    const target = guardedRead('ProcessGroups.join', 'member', () => groupTarget(member, services.clock))
    const id = services.ids.next('member')
    // The key is that of all, so that members are in the order in which they joined.
    const remove = entries.add(group, '-', id)
    this.#here.set(id, target)
    let cancel = (): void => {}
    const leave = (): void => {
      cancel()
      remove()
      this.#here.delete(id)
    }
    try {
      cancel = target.monitor(leave)
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }

  /** Has no members here any more: the BeamClaw has ended. */
  stop(): void {
    this.#here.clear()
  }

  /** Returns the members of a group as this node knows them, sorted by node and age. Throws `invalid-option`. */
  members(group: string): GroupMember[] {
    checkName('ProcessGroups.members', 'group', group)
    return this.#options.entries.list(group).map(({ meta: id, node }) => ({
      id: String(id),
      node: node?.id ?? this.#options.cluster.self.id,
      isLocal: node === undefined,
      cast: (message) => this.#cast({ group, member: String(id), message: groupCopy('message', message) }, node),
      call: async (message, options) =>
        this.#call({ group, member: String(id), message: groupCopy('message', message) }, node, timeoutOf(options)),
    }))
  }

  /**
   * Sends a message to all members, and returns the number of those that this node knows. At other nodes it may be lost; a member that refuses it is logged.
   * Throws `invalid-option`, `invalid-message` and `message-too-large`.
   */
  cast(group: string, message: JsonValue): number {
    checkName('ProcessGroups.cast', 'group', group)
    const copy = groupCopy('message', message)
    const members = this.#options.entries.list(group)
    const nodes = new Map(members.map(({ node }) => [node?.incarnation, node]))
    for (const node of nodes.values()) this.#cast({ group, message: copy }, node)
    return members.length
  }

  /**
   * Sends a message to one member, and resolves with the reply: to a member at this node, where there is one, otherwise to one at another node, each time
   * chosen by chance. A member that is certain not to have had the message is passed over. Rejects as `GroupMember.call`, and `actor-not-running` when the
   * group has no member.
   */
  async call(group: string, message: JsonValue, options?: GroupCallOptions): Promise<unknown> {
    checkName('ProcessGroups.call', 'group', group)
    const { entries, services } = this.#options
    const { clock, random } = services
    const copy = groupCopy('message', message)
    const timeoutMs = timeoutOf(options)
    const endsAt = clock.monotonic() + timeoutMs
    let failure = gone(group)
    // Those here have a lower rank than any elsewhere.
    const ranked = entries.list(group).map((entry) => ({ ...entry, rank: random.next() + (entry.node === undefined ? 0 : 1) }))
    for (const { meta, node } of ranked.sort((a, b) => a.rank - b.rank)) {
      const leftMs = Math.ceil(endsAt - clock.monotonic())
      if (leftMs < 1) break
      try {
        return await this.#call({ group, member: meta as string, message: copy }, node, leftMs)
      } catch (error) {
        if (!BeamClawError.isInstance(error) || error.details.isUndelivered !== true) throw error
        failure = error
      }
    }
    throw failure
  }

  /** Takes a cast of another node. Ignores what it cannot read. */
  take(body: { readonly [name: string]: JsonValue | undefined }): void {
    const frame = readFrame(body)
    if (frame !== undefined) this.#castHere(frame)
  }

  /** Resolves with the reply to another node. */
  async serve(body: { readonly [name: string]: JsonValue | undefined }): Promise<JsonValue> {
    const frame = readFrame(body)
    if (frame?.member === undefined) throw new BeamClawError('unknown-message', 'Another node sent a request that this one cannot read')
    const value = await this.#callHere(frame, timeoutOf({ timeoutMs: body.timeoutMs as number }))
    return value === undefined ? {} : { value: value as JsonValue }
  }

  #cast(frame: GroupFrame, node: NodeRef | undefined): void {
    const { cluster, tenant } = this.#options
    if (node === undefined) this.#castHere(frame)
    else cluster.tell(node, { type: 'groups.cast', tenant, ...frame })
  }

  async #call(frame: GroupFrame, node: NodeRef | undefined, timeoutMs: number): Promise<unknown> {
    if (node === undefined) return this.#callHere(frame, timeoutMs)
    const { cluster, tenant } = this.#options
    const reply = await cluster.request(node, { type: 'groups.call', tenant, ...frame, timeoutMs }, { timeoutMs })
    return (reply as JsonObject | null)?.value
  }

  #castHere({ group, member, message }: GroupFrame): void {
    for (const { meta, node } of this.#options.entries.list(group)) {
      if (node !== undefined || (member !== undefined && member !== meta)) continue
      this.#here.get(meta as string)?.cast(JSON.parse(JSON.stringify(message)), (error) => this.#log(group, error))
    }
  }

  async #callHere({ group, member, message }: GroupFrame, timeoutMs: number): Promise<unknown> {
    const target = this.#here.get(member ?? '')
    if (target === undefined) throw gone(group)
    const reply = await target.call(message, timeoutMs).catch((error: unknown) => {
      if (BeamClawError.isInstance(error)) throw handled(error)
      // Its text stays here: it may say anything.
      this.#log(group, error)
      throw new BeamClawError('internal', `A member of the group "${group}" failed; its log says why`)
    })
    return reply === undefined ? undefined : groupCopy('reply', reply)
  }

  #log(group: string, error: unknown): void {
    const { tenant, services } = this.#options
    services.logger.log('warn', 'groups.member-failed', { tenant, group, error: describeError(error) })
  }
}

function timeoutOf(options: GroupCallOptions = {}): number {
  checkOptions<GroupCallOptions>('ProcessGroups.call', options, { timeoutMs: duration(1) })
  return options.timeoutMs ?? callDefaults.timeoutMs
}

function readFrame({ group, member, message }: { readonly [name: string]: JsonValue | undefined }): GroupFrame | undefined {
  if (typeof group !== 'string' || message === undefined) return undefined
  if (member === undefined) return { group, message }
  return typeof member === 'string' ? { group, member, message } : undefined
}

function gone(group: string): BeamClawError {
  return new BeamClawError('actor-not-running', `The group "${group}" has no such member`, {
    details: { group, isUndelivered: true },
  })
}

/** Returns the error of a member, which has had the message: what the error says of another message of the member's own must not let it go to a second one. */
function handled(error: BeamClawError): BeamClawError {
  if (error.details.isUndelivered !== true) return error
  const { isUndelivered: _, ...details } = error.details
  return new BeamClawError(error.code as ErrorCode, error.message, { cause: error, details, isRetryable: error.isRetryable })
}
