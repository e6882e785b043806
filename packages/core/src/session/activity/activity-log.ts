/** Keeps the list of sessions with unfinished work, so that a new process knows which to wake without reading every journal. */

import type { TimerHandle } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey } from '../../base/ids.ts'
import { soloIncarnation } from '../../defaults/solo-cluster.ts'
import type { AppendLog, FencingToken, LogContents } from '../../ports/store.ts'
import type { StoreKey } from '../../ports/store-key.ts'
import { openOwnedLog } from '../journal/open-owned-log.ts'
import { isStoreLost } from '../journal/store-failure-codes.ts'
import type { ActivityLogOptions } from './activity-log-options.ts'
import { openActivity } from './activity-opening.ts'
import { foldActivity } from './activity-snapshot.ts'
import { Lingering } from './lingering.ts'
import { writtenAgain } from './written-again.ts'

/** Records after which the log is replaced by the list of busy sessions. */
const compactAfter = 10_000

/** Milliseconds after a deletion in which the list is written anew, without the name. A store needs some seconds more to remove the old bytes. */
const eraseAfterMs = 3_000

/** Maximum sessions whose last work is remembered. */
const rememberedSessions = 10_000

export class ActivityLog {
  readonly #options: ActivityLogOptions
  // The listed sessions; each promise resolves once the entry is durable.
  readonly #busy = new Map<SessionKey, Promise<void>>()
  // Listed sessions whose work has ended.
  readonly #lingering: Lingering
  // Listed sessions that an earlier process left and that have not been used yet; only with `on-demand`.
  readonly #asleep = new Set<SessionKey>()
  // Listed sessions whose agent is not configured.
  readonly #parked = new Set<SessionKey>()
  // Set while the log has names of deleted sessions.
  #eraseTimer: TimerHandle | undefined
  // Times of the last work of sessions, in that order.
  readonly #seen = new Map<SessionKey, number>()
  #onIdle: (() => void)[] = []
  #opening: Promise<AppendLog> | undefined
  // Why writes are refused: the list is closed, or another process owns the log.
  #refusal: BeamClawError | undefined
  // The list that is open, or was.
  #list: { readonly key: StoreKey; readonly token: FencingToken } | undefined
  #wasOpen = false
  #wasLost = false
  #nextSeq = 1
  #records = 0

  constructor(options: ActivityLogOptions) {
    this.#options = options
    this.#lingering = new Lingering(options.services.clock, (due) => this.#forget(due))
  }

  /** Opens the log. Resolves with the sessions that were listed when it was last written. */
  async open(): Promise<readonly SessionKey[]> {
    await this.#log()
    return this.busy
  }

  /** The sessions that have work now. */
  get busy(): readonly SessionKey[] {
    return [...this.#busy.keys()].filter((key) => this.isBusy(key))
  }

  /** The listed sessions, whether or not they have work now. */
  get listed(): readonly SessionKey[] {
    return [...this.#busy.keys()]
  }

  isListed(key: SessionKey): boolean {
    return this.#busy.has(key)
  }

  /** Resolves once it is durable that a session is listed; at once for one that is not. Rejects as the store does. */
  async written(key: SessionKey): Promise<void> {
    await this.#busy.get(key)
  }

  /** True for a listed session that has work now. */
  isBusy(key: SessionKey): boolean {
    return this.#busy.has(key) && !this.#lingering.has(key) && !this.#asleep.has(key) && !this.#parked.has(key)
  }

  /** True for a listed session whose work has ended. */
  isLingering(key: SessionKey): boolean {
    return this.#lingering.has(key)
  }

  /** True for a listed session whose work has not ended, also for one that waits for its agent. */
  hasWork(key: SessionKey): boolean {
    return this.#busy.has(key) && !this.#lingering.has(key)
  }

  /** True when the list was found empty beside sessions: those that have work are found in their journals. */
  get wasLost(): boolean {
    return this.#wasLost
  }

  /** Lists sessions that have work, as their journals say. Returns those that are to be woken: with `on-demand`, none. */
  found(keys: readonly SessionKey[]): readonly SessionKey[] {
    const fresh = keys.filter((key) => !this.#busy.has(key))
    for (const key of fresh) {
      // Its own work lists it again if this fails.
      this.begin(key).catch(() => {})
      if (this.#options.resume === 'on-demand') this.#asleep.add(key)
    }
    return this.#options.resume === 'on-demand' ? [] : fresh
  }

  /** Counts the sessions that were left asleep as busy, and returns all busy sessions. */
  resume(): readonly SessionKey[] {
    this.#asleep.clear()
    return this.busy
  }

  /** Keeps a session listed whose work must wait until its agent is configured. It does not count as busy. */
  park(key: SessionKey): void {
    // It is listed already, unless its entry was damaged.
    if (!this.#busy.has(key)) this.begin(key).catch(() => {})
    this.#asleep.delete(key)
    this.#lingering.delete(key)
    this.#parked.add(key)
    if (this.#isIdle) this.#releaseIdle()
  }

  isParked(key: SessionKey): boolean {
    return this.#parked.has(key)
  }

  /** True for a session that an earlier process left and that has not been used yet; only with `on-demand`. */
  isAsleep(key: SessionKey): boolean {
    return this.#asleep.has(key)
  }

  /** Counts parked sessions as busy, and returns them. */
  unpark(): readonly SessionKey[] {
    const keys = [...this.#parked]
    this.#parked.clear()
    return keys
  }

  /** When a session last worked, in milliseconds since 1970; undefined when that is no longer remembered. */
  lastSeen(key: SessionKey): number | undefined {
    return this.#seen.get(key)
  }

  /** Resolves once no session has work. */
  async whenIdle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#onIdle.push(resolve))
  }

  get #isIdle(): boolean {
    return this.#busy.size === this.#lingering.size + this.#asleep.size + this.#parked.size
  }

  /** Resolves once it is durable that the session has work. */
  begin(key: SessionKey): Promise<void> {
    this.#asleep.delete(key)
    this.#parked.delete(key)
    const { clock } = this.#options.services
    const known = this.#busy.get(key)
    this.#lingering.delete(key)
    this.#see(key, clock.now())
    if (known !== undefined) return known
    // Listed twice, it is listed.
    const written = writtenAgain(() => this.#append('busy', [key]))
    this.#busy.set(key, written)
    written.catch(() => {
      if (this.#busy.get(key) === written) this.#busy.delete(key)
    })
    return written
  }

  /**
   * Ends the work of a session. The entry is removed later: if a crash prevents that, the session is woken once without need. Returns true when the
   * session was listed as busy.
   */
  end(key: SessionKey): boolean {
    this.#asleep.delete(key)
    this.#parked.delete(key)
    if (!this.#busy.has(key) || this.#lingering.has(key)) return false
    const { clock } = this.#options.services
    this.#see(key, clock.now())
    this.#lingering.add(key)
    if (this.#isIdle) this.#releaseIdle()
    return true
  }

  /** Removes a session that is to be deleted. Resolves once that is durable; soon after, its name is gone from the log too. */
  async forget(key: SessionKey): Promise<void> {
    this.#asleep.delete(key)
    this.#parked.delete(key)
    this.#lingering.delete(key)
    this.#busy.delete(key)
    this.#seen.delete(key)
    if (this.#isIdle) this.#releaseIdle()
    await this.#append('gone', [key])
    this.#eraseSoon()
  }

  /** False once nothing is written any more: an opening that is under way must not take the list from its next owner. */
  get isAlive(): boolean {
    return this.#refusal === undefined
  }

  get #isAlone(): boolean {
    return this.#options.cluster.self.incarnation === soloIncarnation
  }

  /** Begins anew, as the list of the node's present life: the sessions of the one before are for the node that takes that one's list over. */
  renew(): void {
    const before = this.#opening
    this.#opening = undefined
    before?.then((log) => log.close()).catch(() => {})
    this.#wasOpen = false
    for (const key of this.#lingering.keys) this.#lingering.delete(key)
    for (const kept of [this.#busy, this.#asleep, this.#parked]) kept.clear()
    this.#releaseIdle()
  }

  /** Lists sessions of a dead node, which are left asleep. Rejects as the store does. */
  async adopt(keys: readonly SessionKey[]): Promise<void> {
    await Promise.all(keys.map((key) => this.begin(key)))
    for (const key of keys) this.#asleep.add(key)
  }

  /** Writes the pending changes, and closes the log; a list of one life of a node is deleted when nothing is in it. */
  async close(): Promise<void> {
    if (this.#refusal === undefined) await this.#forget(this.#lingering.keys)
    if (this.#eraseTimer !== undefined) await this.#erase()
    this.kill()
    const log = await this.#opening?.catch(() => undefined)
    await log?.close()
    if (log !== undefined && !this.#isAlone && this.#busy.size === 0 && this.#list !== undefined)
      await this.#options.store.deleteLog(this.#list.key, this.#list.token).catch(() => {})
  }

  /** Stops all writes and refuses new ones: the store is lost. */
  giveUp(error: BeamClawError): void {
    if (this.#refusal !== undefined) return
    this.#refusal = error
    this.#lingering.stop()
    this.#options.onLost?.(error)
  }

  /** Stops all writes. */
  kill(): void {
    this.#refusal ??= new BeamClawError('actor-not-running', 'The list of busy sessions is closed')
    this.#lingering.stop()
    this.#eraseTimer?.cancel()
    this.#eraseTimer = undefined
    this.#releaseIdle()
  }

  #eraseSoon(): void {
    if (this.#refusal !== undefined) return
    this.#eraseTimer ??= this.#options.services.clock.setTimer(() => void this.#erase(), eraseAfterMs, true)
  }

  /** Drops the records, and with them the names of deleted sessions. */
  async #erase(): Promise<void> {
    this.#eraseTimer?.cancel()
    this.#eraseTimer = undefined
    const opening = this.#log()
    try {
      await this.#compact(await opening)
    } catch (error) {
      this.#letGo(opening, error)
      this.#options.services.logger.log('warn', 'activity.not-written', { sessions: 0, error: describeError(error) })
      this.#eraseSoon()
    }
  }

  #releaseIdle(): void {
    for (const resolve of this.#onIdle.splice(0)) resolve()
  }

  async #forget(due: readonly SessionKey[]): Promise<void> {
    if (due.length === 0) return
    if (!(await this.#prepare(due))) {
      // They are tried again later, unless they have work by then.
      for (const key of due) if (this.#lingering.has(key)) this.#lingering.add(key)
      return
    }
    // Sessions that were used or deleted meanwhile keep their entries.
    const keys = due.filter((key) => this.#lingering.has(key))
    if (keys.length === 0) return
    for (const key of keys) {
      this.#lingering.delete(key)
      this.#busy.delete(key)
    }
    try {
      await this.#append('idle', keys)
    } catch (error) {
      this.#options.services.logger.log('warn', 'activity.not-written', { sessions: keys.length, error: describeError(error) })
    }
  }

  async #prepare(keys: readonly SessionKey[]): Promise<boolean> {
    try {
      await this.#options.beforeIdle?.(keys)
      return true
    } catch (error) {
      this.#options.services.logger.log('warn', 'activity.not-prepared', { sessions: keys.length, error: describeError(error) })
      return false
    }
  }

  #see(key: SessionKey, at: number): void {
    this.#seen.delete(key)
    this.#seen.set(key, at)
    if (this.#seen.size <= rememberedSessions) return
    for (const oldest of this.#seen.keys()) return void this.#seen.delete(oldest)
  }

  async #append(type: 'busy' | 'idle' | 'gone', keys: readonly SessionKey[]): Promise<void> {
    const opening = this.#log()
    const log = await opening
    if (this.#refusal !== undefined) throw this.#refusal
    const { ids, clock } = this.#options.services
    try {
      const records = keys.map((sessionKey) => {
        const ts = this.#seen.get(sessionKey) ?? clock.now()
        return { seq: this.#nextSeq++, type, id: ids.next(), ts, data: { sessionKey } }
      })
      await log.append(records)
      this.#records += keys.length
      if (this.#records >= compactAfter) await this.#compact(log)
    } catch (error) {
      this.#letGo(opening, error)
      throw error
    }
  }

  async #compact(log: AppendLog): Promise<void> {
    this.#records = 0
    // The busy sessions, and when each remembered session last worked, the oldest first.
    const state = { busy: [...this.#busy.keys()], seen: [...this.#seen] }
    await log.snapshot({ seq: this.#nextSeq - 1, state }, { dropRecords: true })
  }

  #log(): Promise<AppendLog> {
    if (this.#refusal !== undefined) return Promise.reject(this.#refusal)
    if (this.#opening !== undefined) return this.#opening
    const opening = this.#open()
    this.#opening = opening
    opening.catch((error) => this.#letGo(opening, error))
    return opening
  }

  /** Discards a broken handle. The next call opens the log again, unless the log is lost. */
  #letGo(opening: Promise<AppendLog>, error: unknown): void {
    // An earlier failure replaced the handle. The present one is not affected.
    if (this.#opening !== opening) return
    this.#opening = undefined
    // A failure of the first opening is reported by `open` alone.
    if (!this.#wasOpen || !BeamClawError.isInstance(error)) return
    // A node of several whose list another one took over is cut off, and is told so by its cluster.
    if (isStoreLost(error) || (error.code === 'fenced' && this.#isAlone)) this.giveUp(error)
  }

  async #open(): Promise<AppendLog> {
    const { tenant, store, services, cluster } = this.#options
    const { log, content, isLost } = await openActivity({
      tenant,
      incarnation: cluster.self.incarnation,
      store,
      logger: services.logger,
      now: () => services.clock.now(),
      open: async (key) => {
        const { log: opened, lease } = await openOwnedLog(this.#options, key.join(':'), key, this)
        this.#list = { key, token: lease.token }
        return opened
      },
    })
    if (!this.#wasOpen) this.#wasLost = isLost
    this.#fold(content)
    return log
  }

  #fold({ snapshot, records }: LogContents): void {
    this.#nextSeq = (records.at(-1)?.seq ?? snapshot?.seq ?? 0) + 1
    this.#records = records.length
    // On a later opening, memory is more reliable than a log whose last write may have failed.
    if (this.#wasOpen) return
    this.#wasOpen = true
    const { busy, seen, hasDeleted } = foldActivity({ snapshot, records }, (what) => this.#reportUnreadable(what))
    for (const key of busy) this.#busy.set(key, Promise.resolve())
    for (const [key, at] of seen) {
      if (at === undefined) this.#seen.delete(key)
      else this.#see(key, at)
    }
    if (hasDeleted) this.#eraseSoon()
    if (this.#options.resume === 'on-demand') for (const key of this.#busy.keys()) this.#asleep.add(key)
  }

  /** Logs an unreadable name. Only its session misses its wake-up; the others start. */
  #reportUnreadable(what: string): void {
    this.#options.services.logger.log('error', 'activity.unreadable', { what, lost: 'a session that was busy may not be woken' })
  }
}
