/**
 * The sessions that live on other nodes: where they are, and how they are asked.
 *
 * Owns what it has learned of places. It may be out of date at any time: the node that is asked says so, and the store lets only one of two owners write.
 */
import type { Clock, MailboxLane } from '@beamclaw/actor'
import { definedOnly } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import type { SessionKey, TenantId } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import { ownerIn, placementOf } from '../defaults/placement.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import { firstReply } from './first-reply.ts'
import { readRemoteReply } from './remote-reply.ts'
import type { SessionMessage } from './session.ts'
import { sessionLease } from './session-names.ts'
import type { SessionInspection } from './session-replies.ts'

/** A call of a session, as one node sends it to another. */
export interface SessionCall {
  readonly message: SessionMessage
  readonly lane: MailboxLane
  /** `begin`: the message may begin the session. `find`: the session has to exist. `start`: whether it exists does not matter. */
  readonly entry: 'begin' | 'find' | 'start'
  /** The sender lacks the agent whose schema the context of the message has to fit: the node that carries out the call checks it. */
  readonly isContextUnchecked?: boolean
}

/** The request for a call, between nodes. */
export interface SessionFrame extends SessionCall {
  readonly type: 'session'
  readonly tenant: TenantId
  readonly key: SessionKey
}

/** Places that are remembered. */
const mostPlaces = 10_000

/** Failures after which it is certain that the session has not carried out the message. */
const unseen: ReadonlySet<string> = new Set(['moved', 'fenced', 'draining', 'node-isolated', 'actor-not-running'])

/** Failures that do not say whether it has. */
const unknown: ReadonlySet<string> = new Set(['node-gone', 'call-timeout', 'actor-stopped', 'actor-killed'])

/** The messages that change nothing when they are carried out twice: most reads, and what its run id tells from new work. */
const repeatable: ReadonlySet<SessionMessage['type']> = new Set([
  'send',
  'redrive',
  'find',
  'history',
  'dead-letters',
  'inspect',
  'exists',
  'records',
  'answering',
  'export',
  'delete',
  'go-on',
])

/** Those of the repeatable messages whose reply does not grow with the session: a late one was lost, or its node is busy. */
const prompt: ReadonlySet<SessionMessage['type']> = new Set(['send', 'redrive', 'find', 'inspect', 'exists', 'answering', 'go-on'])

/** Those whose reply grows with the session: a late one may be under way. */
const long: ReadonlySet<SessionMessage['type']> = new Set(['history', 'dead-letters', 'records', 'export'])

/** Milliseconds in which another node has to reply to a long read before it is asked once more, beside the first time. */
const longReadMs = 10_000

/** Returns whether a message is sent again where no reply has come soon. */
export function isPrompt(message: SessionMessage): boolean {
  return prompt.has(message.type) || (message.type === 'abort' && message.runId !== undefined)
}

/**
 * Returns what is to be asked before a call is sent to another node; undefined for nothing. An abort of whatever runs is sent with the name of the run:
 * sent again, it must not end the one after it.
 */
export function lookBefore({ message }: SessionCall): SessionCall | undefined {
  if (message.type !== 'abort' || message.runId !== undefined) return undefined
  return { message: { type: 'inspect' }, lane: 'control', entry: 'find' }
}

/** Returns an abort of the run that the look has found; as it was given if there is none. */
export function abortOf(call: SessionCall, { current }: SessionInspection): SessionCall {
  return current === undefined ? call : { ...call, message: { type: 'abort', runId: current.runId } }
}

/** Where a session was, and until when that counts, on the monotonic clock. */
interface KnownPlace {
  readonly node: NodeRef
  readonly until: number
}

export interface RemoteSessionsOptions {
  readonly tenant: TenantId
  readonly cluster: Cluster
  readonly clock: Clock
  /** How long a session stays in memory after it was used. */
  readonly passivateAfterMs: number
}

/**
 * I1: A place counts no longer than the session is certain to be in memory there. One that has left memory is started where the cluster says:
 * subscribers at other nodes ask for its events there.
 */
export class RemoteSessions {
  readonly #tenant: TenantId
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #countsForMs: number
  // The oldest first.
  readonly #places = new Map<SessionKey, KnownPlace>()

  constructor({ tenant, cluster, clock, passivateAfterMs }: RemoteSessionsOptions) {
    this.#tenant = tenant
    this.#cluster = cluster
    this.#clock = clock
    this.#countsForMs = passivateAfterMs / 2
  }

  /** Resolves with the node to ask; undefined for this one. Rejects as `Cluster.locate` does. */
  async placeOf(key: SessionKey): Promise<NodeRef | undefined> {
    const known = this.#places.get(key)
    const { self, members } = this.#cluster
    const isKnown = known !== undefined && known.until > this.#clock.monotonic()
    if (isKnown && members.some(({ incarnation }) => incarnation === known.node.incarnation)) return known.node
    const { node } = await this.#cluster.locate(sessionLease(this.#tenant, key))
    if (node.incarnation === self.incarnation) {
      this.#places.delete(key)
      return undefined
    }
    this.#learn(key, node)
    return node
  }

  /** Resolves with the reply of the session at another node. Rejects as `Cluster.request` does, and `unknown-message` for one that cannot be read. */
  async ask<T>(node: NodeRef, key: SessionKey, call: SessionCall, timeoutMs: number): Promise<T> {
    const frame: SessionFrame = { type: 'session', tenant: this.#tenant, key, ...call }
    const askedAt = this.#clock.monotonic()
    const request = (leftMs: number): Promise<JsonValue> =>
      this.#cluster.request(node, frame as unknown as JsonValue, { timeoutMs: leftMs })
    const againMs = long.has(call.message.type) ? longReadMs : timeoutMs
    const reply = await firstReply({ request, clock: this.#clock, timeoutMs, againMs })
    const value = readRemoteReply(call.message.type, reply, node.id)
    this.#learn(key, node, askedAt)
    return value as T
  }

  /** Takes what a failure says of the place. Returns whether the call is to be made again, where the session is now. */
  isAgain(key: SessionKey, { message }: SessionCall, error: unknown): error is BeamClawError {
    if (!BeamClawError.isInstance(error) || !(unseen.has(error.code) || unknown.has(error.code))) return false
    const owner = ownerIn(error)
    if (owner !== undefined && owner.incarnation !== this.#cluster.self.incarnation) this.#learn(key, owner)
    else this.#places.delete(key)
    if (unseen.has(error.code) || error.details.isUndelivered === true) return true
    return repeatable.has(message.type) || (message.type === 'abort' && message.runId !== undefined)
  }

  /** Returns where a session is started that no node owns; undefined when this node is the only one. */
  nextFor(key: SessionKey): NodeRef | undefined {
    const { self, members } = this.#cluster
    const others = members.filter(({ incarnation }) => incarnation !== self.incarnation)
    return placementOf(sessionLease(this.#tenant, key), others)
  }

  /**
   * Gives up a session that this node owns and does not run, as one that was killed, or that another node has handed to it: no other node could start it.
   * Resolves with the node that has it now, or is to start it; undefined when that is not known. Never rejects.
   */
  async handOn(key: SessionKey): Promise<NodeRef | undefined> {
    const lease = sessionLease(this.#tenant, key)
    try {
      const { node } = await this.#cluster.locate(lease)
      if (node.incarnation !== this.#cluster.self.incarnation) return node
      const next = this.nextFor(key)
      if (next === undefined) return undefined
      await this.#cluster.release(await this.#cluster.acquire(lease), next)
      return next
    } catch {
      // It is free once this node has stopped.
      return undefined
    }
  }

  /**
   * Hands a session whose journal this version cannot read to a node that reads its format. Resolves with the failure of the caller: `moved` when it is to look
   * there, or wherever the session is by now; `problem` without such a node.
   */
  async handToReader(key: SessionKey, problem: unknown, format: number): Promise<unknown> {
    const lease = sessionLease(this.#tenant, key)
    const { self, members } = this.#cluster
    const readers = members.filter(({ incarnation, records }) => incarnation !== self.incarnation && records[1] >= format)
    const reader = placementOf(lease, readers)
    if (reader === undefined) return problem
    try {
      await this.#cluster.release(await this.#cluster.acquire(lease), reader)
      return moved(key, problem, reader)
    } catch (error) {
      // Another node was faster, or the cluster is away.
      return moved(key, problem, BeamClawError.isInstance(error) ? ownerIn(error) : undefined)
    }
  }

  /** Forgets what is known of a place. */
  forget(key: SessionKey): void {
    this.#places.delete(key)
  }

  #learn(key: SessionKey, node: NodeRef, at = this.#clock.monotonic()): void {
    this.#places.delete(key)
    this.#places.set(key, { node, until: at + this.#countsForMs })
    if (this.#places.size <= mostPlaces) return
    for (const oldest of this.#places.keys()) return void this.#places.delete(oldest)
  }
}

/** Returns the error of a caller that cannot know whether its message was carried out, and must not send it twice. */
export function unknownOutcome(error: BeamClawError): BeamClawError {
  if (error.code !== 'node-gone') return error
  return new BeamClawError('call-timeout', 'The node of the session died before it answered: look whether the change was made', {
    cause: error,
  })
}

/** Returns the error for a call that belongs to another node, with its owner where it is known. */
export function moved(key: SessionKey, cause: unknown, owner: NodeRef | undefined): BeamClawError {
  return new BeamClawError('moved', `Session "${key}" is at another node`, { cause, details: definedOnly({ owner }) })
}
