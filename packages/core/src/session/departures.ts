/** Ends sessions of this node that a next owner is to go on with, here or elsewhere, from their journals. */
import type { ChildInfo, DynamicSupervisor } from '@beamclaw/actor'
import type { SessionKey } from '../base/ids.ts'
import { settlesWithin } from '../base/settles-within.ts'
import type { NodeRef } from '../ports/cluster.ts'
import { patient } from './call-where-it-is.ts'
import type { Session } from './session.ts'
import type { SessionDependencies } from './session-dependencies.ts'
import type { SessionInspection } from './session-replies.ts'

/** Sessions at rest that are ended together, and the milliseconds that the next ones wait for them: those whose turn is to come still answer. */
const mostAtOnce = 16
const chunkMs = 20

/** Milliseconds that the first caller of a session that is ending waits for that. */
const goneWithinMs = 200

/** Milliseconds between two looks for sessions that were being started while all were to end. */
const lookAgainMs = 200

/** Looks for sessions that were being started while all were to end. */
const mostLooks = 25

export interface DeparturesOptions {
  /** Returns the supervisor of the sessions; undefined while there is none. */
  readonly sessions: () => DynamicSupervisor | undefined
  readonly dependencies: Pick<SessionDependencies, 'activity' | 'overviews' | 'services'>
  /** Called when a session counts no longer as one of this node, before it has ended. */
  readonly onLeave: (key: SessionKey) => void
}

/**
 * I1: A session that has left by itself, or was made to, is in `#left` before it ends: its callers repeat what it has not seen.
 * I2: Only one that is up is made to leave, for the supervisor ends no other: it would go on as one that has left.
 */
export class Departures {
  readonly #options: DeparturesOptions
  readonly #left = new WeakSet<object>()
  // Ends by `letGo`, until the first caller has heard of it.
  readonly #gone = new Map<SessionKey, Promise<void>>()

  constructor(options: DeparturesOptions) {
    this.#options = options
  }

  /** True for a session that has left, or is about to: what it refuses it has not seen. */
  has(session: object): boolean {
    return this.#left.has(session)
  }

  /** Removes a session without work from memory. A call that comes meanwhile waits for its end, and starts it again. */
  async leave(key: SessionKey, session: Session): Promise<void> {
    this.#options.dependencies.overviews.left(key)
    await this.#end(key, session)
  }

  /** Ends a session whose agent was removed here, unless it has work: a node that has the agent can start it then. Never rejects. */
  async giveUp(key: SessionKey): Promise<void> {
    const session = this.#find(key)
    if (session === undefined) return
    try {
      const { current, waiting } = (await session.call({ type: 'inspect' }, { ...patient, lane: 'control' })) as SessionInspection
      const { isBusy, mailboxLength, controlLength } = session.inspect()
      const hasWork = current !== undefined || waiting.length > 0 || isBusy || mailboxLength + controlLength > 0
      if (hasWork || this.#options.dependencies.activity.hasWork(key)) return
    } catch {
      // It cannot tell.
      return
    }
    await this.leave(key, session)
  }

  /** Has another node get a session, unless it has work. Resolves with whether it has left. Never rejects. */
  async giveTo(key: SessionKey, node: NodeRef): Promise<boolean> {
    const session = this.#find(key)
    if (session === undefined || this.#options.dependencies.activity.hasWork(key) || !session.leaveTo(node)) return false
    await this.leave(key, session)
    return true
  }

  /**
   * Ends all sessions of this node. A step of a run that is under way gets `stepMs` to complete. Calls `onGone` with the key of each as it has ended, and
   * resolves with all of them: a next owner goes on with them.
   */
  async letGo(stepMs: number, onGone: (key: SessionKey) => void = () => {}): Promise<readonly SessionKey[]> {
    const supervisor = this.#options.sessions()
    const keys: SessionKey[] = []
    const { clock } = this.#options.dependencies.services
    const end = async ({ id, actor }: ChildInfo): Promise<void> => {
      const key = id as SessionKey
      keys.push(key)
      const session = actor as Session | undefined
      // Those that are being started are up, or refused, at a later look.
      if (session === undefined || session.inspect().state === 'starting') return
      if (stepMs > 0) await session.call({ type: 'pause' }, { timeoutMs: stepMs, lane: 'control' }).catch(() => {})
      const ended = this.#end(key, session)
      if (stepMs > 0) this.#gone.set(key, ended)
      await ended
      onGone(key)
    }
    const children = supervisor?.whichChildren() ?? []
    const isUrgent = ({ id }: ChildInfo): boolean => stepMs === 0 || this.#options.dependencies.activity.hasWork(id as SessionKey)
    const ends = children.filter(isUrgent).map(end)
    const resting = children.filter((child) => !isUrgent(child))
    for (let from = 0; from < resting.length; from += mostAtOnce) {
      const chunk = resting.slice(from, from + mostAtOnce).map(end)
      ends.push(...chunk)
      await settlesWithin(Promise.all(chunk), chunkMs, { clock })
    }
    await Promise.all(ends)
    for (let look = 0; look < mostLooks && (supervisor?.countChildren().specs ?? 0) > 0; look++) {
      await new Promise<void>((resolve) => clock.setTimer(resolve, lookAgainMs))
      await Promise.all((supervisor?.whichChildren() ?? []).map(end))
    }
    return keys
  }

  /**
   * Resolves with true, once, for a session that `letGo` has ended: it is free, unless that failed. Later callers hear false, so that what is wrong with that is
   * found; and so does the first one of a session that does not end soon, for a tool that goes on must not keep it from its next owner.
   */
  async hasGone(key: SessionKey): Promise<boolean> {
    const ended = this.#gone.get(key)
    this.#gone.delete(key)
    if (ended === undefined) return false
    return await settlesWithin(ended, goneWithinMs, this.#options.dependencies.services)
  }

  async #end(key: SessionKey, session: Session): Promise<void> {
    this.#left.add(session)
    this.#options.onLeave(key)
    await this.#options
      .sessions()
      ?.terminateChild(session)
      // It ended by itself.
      .catch(() => {})
  }

  #find(key: SessionKey): Session | undefined {
    const child = this.#options
      .sessions()
      ?.whichChildren()
      .find(({ id }) => id === key)
    return child?.actor as Session | undefined
  }
}
