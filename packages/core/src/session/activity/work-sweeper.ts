/**
 * Takes over what dead nodes have left: claims their lists of busy sessions, and has those go on where they belong now.
 *
 * Phases: `open → stopped`. Owns the lists that it is taking over.
 * I1: A list is deleted only when each of its sessions was woken, or nothing can be done for it. The next sweep, of any node, finds what an interrupted sweep left.
 * I2: Opening a list fences its node: should it still run, it begins no work any more.
 * I3: A list is taken over once at a time, and none waits for another one: of each, a session may have to be tried for long.
 */
import type { Clock, Logger } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey, TenantId } from '../../base/ids.ts'
import { keysBelow } from '../../defaults/keys-below.ts'
import { soloIncarnation } from '../../defaults/solo-cluster.ts'
import type { Cluster } from '../../ports/cluster.ts'
import type { Store } from '../../ports/store.ts'
import type { StoreKey } from '../../ports/store-key.ts'
import { openOwnedLog } from '../journal/open-owned-log.ts'
import { activityKey, incarnationOf, workLists } from './activity-opening.ts'
import { foldActivity } from './activity-snapshot.ts'
import type { WakeOutcome } from './waker.ts'

export interface WorkSweeperOptions {
  readonly tenant: TenantId
  readonly store: Store
  readonly cluster: Cluster
  readonly clock: Clock
  readonly logger: Logger
  /** Has a session go on, wherever that is. Never rejects. */
  readonly wake: (key: SessionKey) => Promise<WakeOutcome>
  /** Keeps sessions listed here that are to go on at their first use; undefined when they are to go on at once. */
  readonly adopt: ((keys: readonly SessionKey[]) => Promise<void>) | undefined
}

/** Sessions that are woken concurrently. */
const atOnce = 32

/** Milliseconds until sessions that could not be woken are tried again; doubled each time, up to the longest. */
const firstRetryMs = 250
const longestRetryMs = 30_000

export class WorkSweeper {
  readonly #options: WorkSweeperOptions
  #isStopped = false
  // Lists that are being taken over.
  readonly #underWay = new Set<string>()
  // The sessions of each list that was read and is not done with, without those that are woken.
  readonly #left = new Map<string, number>()

  constructor(options: WorkSweeperOptions) {
    this.#options = options
  }

  /** Sessions that dead nodes have left, as far as this one has read their lists, and that have not been woken. */
  get orphaned(): number {
    return [...this.#left.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Takes over the lists of nodes that are no members any more. Resolves with the number of sessions that are at work again. Never rejects. */
  async sweep(): Promise<number> {
    if (this.#isStopped) return 0
    try {
      const swept = await Promise.all((await this.#orphans()).map((key) => this.#takeOver(key)))
      return swept.reduce((sum, count) => sum + count, 0)
    } catch (error) {
      this.#options.logger.log('warn', 'cluster.sweep-failed', { error: describeError(error) })
      return 0
    }
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Resolves with the lists of nodes that are no members. */
  async #orphans(): Promise<readonly StoreKey[]> {
    const { tenant, store, cluster } = this.#options
    const found: StoreKey[] = []
    // Read before the members are: a node that joins has no list yet.
    for await (const key of keysBelow(store, [tenant, workLists])) found.push(key)
    const alive = new Set([cluster.self, ...cluster.members].map(({ incarnation }) => incarnation))
    // What a node has left that was alone with this store.
    if (!alive.has(soloIncarnation)) found.push(activityKey(tenant, soloIncarnation, 1))
    return found.filter((key) => !alive.has(incarnationOf(key) ?? soloIncarnation))
  }

  /** Resolves with the number of sessions of a list that are at work again; with 0 when another node has it, or it cannot be had now. */
  async #takeOver(key: StoreKey): Promise<number> {
    const { store, cluster, logger, adopt } = this.#options
    const name = key.join(':')
    if (this.#isStopped || this.#underWay.has(name)) return 0
    this.#underWay.add(name)
    try {
      if ((await store.readLog(key, { limit: 1 })) === undefined) return this.#forget(name)
      const { log, lease } = await openOwnedLog({ store, cluster }, name, key)
      const { busy } = foldActivity(await log.read(), (what) => logger.log('error', 'activity.unreadable', { what }))
      if (busy.size > 0)
        logger.log('info', 'cluster.sessions-taken-over', { from: incarnationOf(key) ?? soloIncarnation, sessions: busy.size })
      this.#left.set(name, busy.size)
      const woken = (): void => void this.#left.set(name, (this.#left.get(name) ?? 0) - 1)
      const atWork = adopt === undefined ? await this.#wakeAll([...busy], woken) : await adopt([...busy]).then(() => 0)
      await log.close()
      if (this.#isStopped) return atWork
      this.#forget(name)
      await store.deleteLog(key, lease.token)
      await cluster.release(lease)
      return atWork
    } catch (error) {
      // Another node takes it over, or the next sweep does.
      if (BeamClawError.isInstance(error, 'fenced')) return this.#forget(name)
      logger.log('warn', 'cluster.not-taken-over', { list: name, error: describeError(error) })
      return 0
    } finally {
      this.#underWay.delete(name)
    }
  }

  /** Counts no session of a list any more. Returns 0, the number of those that are at work again. */
  #forget(name: string): 0 {
    this.#left.delete(name)
    return 0
  }

  /** Resolves with the number of sessions that are at work again. Calls `woken` for each that needs nothing more. */
  async #wakeAll(keys: readonly SessionKey[], woken: () => void): Promise<number> {
    let atWork = 0
    let rest = [...keys]
    for (let waitMs = firstRetryMs; rest.length > 0 && !this.#isStopped; waitMs = Math.min(longestRetryMs, 2 * waitMs)) {
      const failed: SessionKey[] = []
      const wakeNext = async (): Promise<void> => {
        for (let key = rest.pop(); key !== undefined && !this.#isStopped; key = rest.pop()) {
          const outcome = await this.#options.wake(key)
          if (outcome === 'at-work') atWork++
          if (outcome === 'failed' || outcome === 'refused') failed.push(key)
          else woken()
        }
      }
      await Promise.all(Array.from({ length: Math.min(atOnce, rest.length) }, wakeNext))
      if (failed.length > 0) await new Promise<void>((resolve) => this.#options.clock.setTimer(resolve, waitMs, true))
      rest = failed
    }
    return atWork
  }
}
