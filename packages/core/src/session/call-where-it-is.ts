/** A call of a session from a node of several: it is made where the session is, and again where that is then. */
import type { SystemServices } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import type { SessionKey, TenantId } from '../base/ids.ts'
import { ownerIn } from '../defaults/placement.ts'
import type { Cluster, NodeRef } from '../ports/cluster.ts'
import { AgentSearch } from './agent-search.ts'
import { abortOf, isPrompt, lookBefore, type RemoteSessions, type SessionCall, unknownOutcome } from './remote-sessions.ts'
import type { SessionPlaces } from './session-dependencies.ts'
import { sessionLease } from './session-names.ts'
import type { SessionInspection } from './session-replies.ts'

/** A session may have to read a long journal before it replies. */
export const patient = { timeoutMs: 60_000 }

/** Milliseconds until a call that did not find its session is made again; doubled each time, up to the longest. */
const firstWaitMs = 5
const longestWaitMs = 200

/** Times that a call goes to the node which a failure names, without a wait. Two nodes that name each other do not keep it busy. */
const mostHops = 3

/** Milliseconds in which another node has to reply before a prompt message is sent once more, in case it was lost; doubled each time. */
const firstReplyMs = 2_000

/** The sessions of this node. */
export interface SessionsHere {
  /** Throws while this node does nothing. */
  checkRuns(): void
  /** True while this node has the agent of a session. */
  hasAgent(key: SessionKey): boolean
  /** True for a session that is in memory here, or is being loaded. */
  has(key: SessionKey): boolean
  /** Throws `unknown-agent` for a session that is to be started where it would only wait for its agent. */
  checkIsForHere(key: SessionKey): void
  call<T>(key: SessionKey, call: SessionCall): Promise<T>
  /** Takes that another node has taken a session over. */
  taken(key: SessionKey): void
}

export interface CallSources {
  readonly tenant: TenantId
  readonly cluster: Cluster
  readonly services: Pick<SystemServices, 'clock' | 'random'>
  readonly places: SessionPlaces | undefined
  readonly remote: RemoteSessions
  readonly here: SessionsHere
  /** Called before the reply of another node is passed on. */
  readonly onRemote?: (() => void) | undefined
}

/** Resolves with the reply of a session. The call is repeated while it is certain that nothing is done twice. Rejects as the session does. */
export async function callWhereItIs<T>(
  key: SessionKey,
  given: SessionCall,
  { tenant, cluster, services: { clock, random }, places, remote, here, onRemote }: CallSources,
): Promise<T> {
  let call = given
  const until = clock.monotonic() + patient.timeoutMs
  let replyWithinMs = firstReplyMs
  const patienceFor = ({ message }: SessionCall): number => {
    const leftMs = Math.max(1, until - clock.monotonic())
    return isPrompt(message) ? Math.min(leftMs, replyWithinMs) : leftMs
  }
  const { self } = cluster
  const search = new AgentSearch(cluster, () => here.hasAgent(key))
  let hops = 0
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(longestWaitMs, 2 * waitMs)) {
    let node: NodeRef | undefined
    // What a failure is of.
    let sent = call
    try {
      here.checkRuns()
      node = search.take() ?? (here.has(key) ? undefined : await remote.placeOf(key))
      if (node === undefined || node.incarnation === self.incarnation) {
        if (!search.isOver) here.checkIsForHere(key)
        return await here.call<T>(key, call)
      }
      const look = lookBefore(call)
      if (look !== undefined) {
        sent = look
        // Kept: the next run is not meant.
        call = abortOf(call, await remote.ask<SessionInspection>(node, key, look, patienceFor(look)))
        sent = call
      }
      const reply = await remote.ask<T>(node, key, call, patienceFor(call))
      places?.sessionAnswered(sessionLease(tenant, key), node)
      onRemote?.()
      return reply
    } catch (error) {
      here.checkRuns()
      if (BeamClawError.isInstance(error, 'unknown-agent')) {
        remote.forget(key)
        if (search.goOn(node ?? self)) continue
      }
      if (!remote.isAgain(key, sent, error)) throw BeamClawError.isInstance(error) ? unknownOutcome(error) : error
      if (error.code === 'call-timeout') replyWithinMs *= 2
      // A session here that another node has taken over has ended, or is about to.
      if (error.code === 'fenced') here.taken(key)
      const owner = ownerIn(error)
      const isNamed = owner !== undefined && owner.incarnation !== (node ?? self).incarnation
      if (isNamed && hops++ < mostHops) continue
      if (clock.monotonic() + waitMs >= until) throw error
      await new Promise<void>((resolve) => clock.setTimer(resolve, waitMs * (0.5 + random.next() / 2)))
    }
  }
}
