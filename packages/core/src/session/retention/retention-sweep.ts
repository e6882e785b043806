/** Deletes the sessions that the retention of their agents does not keep. */
import type { Clock, Logger, TimerHandle } from '@beamclaw/actor'
import type { AgentDefinition } from '../../agent/agent.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { AgentId, SessionKey, TenantId } from '../../base/ids.ts'
import type { SessionIndexEntry } from '../../ports/session-index.ts'
import type { Store } from '../../ports/store.ts'

export interface RetentionSweepOptions {
  readonly tenant: TenantId
  readonly store: Store
  readonly agents: ReadonlyMap<AgentId, AgentDefinition>
  readonly clock: Clock
  readonly logger: Logger
  /** True for a session with work, also one that waits until it is used. */
  readonly hasWork: (key: SessionKey) => boolean
  /** Deletes a session unless it has a record that is newer than `since`; then it rejects `session-busy`. */
  readonly deleteUnused: (key: SessionKey, since: number) => Promise<void>
}

/** Milliseconds after the start until the first sweep, and between two sweeps. A sweep is due sooner when an agent keeps its sessions for less. */
const firstAfterMs = 60_000
const betweenMs = 3_600_000

/** Milliseconds by which the time of day may run ahead of the time that has passed, from one sweep to the next. */
const steadyMs = 60_000

const pageSize = 200

/** What says nothing against the next session: the session was used again, is gone, or cannot be read. */
const ofOneSession: ReadonlySet<string> = new Set(['session-busy', 'unknown-session', 'log-corrupt', 'log-too-new', 'fenced'])

/**
 * Phases: `waiting ⇄ sweeping → closed`. Owns the timer of the next sweep. Reads the index alone; the session itself decides, in its own turn, whether it
 * was used again. I1: No age is believed that a jump of the clock has made since the last sweep: a clock that is wrong for a while deletes nothing.
 */
export class RetentionSweep {
  readonly #options: RetentionSweepOptions
  #timer: TimerHandle | undefined
  #sweeping: Promise<void> | undefined
  #isClosed = false
  /** When the last wait began, by both clocks. */
  #waitsSince: { readonly now: number; readonly monotonic: number } | undefined

  constructor(options: RetentionSweepOptions) {
    this.#options = options
  }

  /** Begins to wait for the first sweep, if an agent has a retention. Call it again when the agents were changed. */
  open(): void {
    if (this.#timer === undefined && this.#sweeping === undefined) this.#wait(firstAfterMs)
  }

  /** No further session is deleted. Resolves once the deletion under way is done. */
  async close(): Promise<void> {
    this.release()
    await this.#sweeping
  }

  release(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #wait(delayMs: number): void {
    if (this.#isClosed || ![...this.#options.agents.values()].some(({ retention }) => retention !== undefined)) return
    const { clock } = this.#options
    this.#waitsSince = { now: clock.now(), monotonic: clock.monotonic() }
    this.#timer = clock.setTimer(() => void this.#turn(), Math.min(delayMs, this.#shortestMs()), true)
  }

  async #turn(): Promise<void> {
    this.#timer = undefined
    this.#sweeping = this.#sweep()
    await this.#sweeping
    this.#sweeping = undefined
    this.#wait(betweenMs)
  }

  #shortestMs(): number {
    const ages = [...this.#options.agents.values()].flatMap(({ retention }) => retention?.maxAgeMs ?? [])
    return Math.max(1_000, Math.min(betweenMs, ...ages.map((age) => Math.ceil(age / 4))))
  }

  /** Never rejects: what fails is logged, and tried again by the next sweep. */
  async #sweep(): Promise<void> {
    const { agents, clock, logger } = this.#options
    const aheadMs = this.#aheadMs()
    const isSteady = aheadMs <= steadyMs
    if (!isSteady) logger.log('warn', 'retention.clock-jumped', { aheadMs, instead: 'ages are looked at by the next sweep' })
    for (const { id, retention: { maxAgeMs, maxBytes } = {} } of [...agents.values()]) {
      try {
        if (maxAgeMs !== undefined && isSteady) await this.#deleteOlder(id, clock.now() - maxAgeMs)
        if (maxBytes !== undefined) await this.#deleteBeyond(id, maxBytes)
      } catch (error) {
        if (!this.#isClosed) logger.log('warn', 'retention.failed', { agent: id, error: describeError(error) })
      }
      if (this.#isClosed) return
    }
  }

  /** Milliseconds by which the time of day has run ahead since the wait began: it was set, or the machine slept. */
  #aheadMs(): number {
    const { clock } = this.#options
    const { now, monotonic } = this.#waitsSince ?? { now: clock.now(), monotonic: clock.monotonic() }
    return Math.round(clock.now() - now - (clock.monotonic() - monotonic))
  }

  async #deleteOlder(agent: AgentId, cutoff: number): Promise<void> {
    let deleted = 0
    for await (const { sessionKey, updatedAt } of this.#entries(agent, { at: cutoff, sessionKey: '' }))
      if (updatedAt !== undefined && (await this.#delete(sessionKey, cutoff))) deleted++
    this.#report(agent, 'age', deleted)
  }

  async #deleteBeyond(agent: AgentId, maxBytes: number): Promise<void> {
    let [deleted, total, isNewest] = [0, 0, true]
    for await (const { sessionKey, updatedAt, bytes = 0 } of this.#entries(agent)) {
      if (isNewest || total + bytes <= maxBytes || updatedAt === undefined) total += bytes
      else if (await this.#delete(sessionKey, updatedAt)) deleted++
      isNewest = false
    }
    this.#report(agent, 'size', deleted)
  }

  #report(agent: AgentId, by: 'age' | 'size', sessions: number): void {
    if (sessions > 0) this.#options.logger.log('info', 'retention.deleted', { agent, sessions, by })
  }

  /** Yields the sessions of an agent, the most recently used first. */
  async *#entries(agent: AgentId, start?: { readonly at: number; readonly sessionKey: string }): AsyncGenerator<SessionIndexEntry> {
    const { store, tenant } = this.#options
    for (let after = start; !this.#isClosed; ) {
      const page = await store.index.page(tenant, {
        sort: 'updatedAt',
        prefix: `agent:${agent}:`,
        limit: pageSize,
        ...(after === undefined ? {} : { after }),
      })
      for (const entry of page) {
        if (this.#isClosed) return
        yield entry
      }
      const last = page.at(-1)
      if (last === undefined) return
      after = { at: last.updatedAt ?? 0, sessionKey: last.sessionKey }
    }
  }

  /** Resolves with whether the session is deleted. Rejects when the store cannot be used. */
  async #delete(key: SessionKey, since: number): Promise<boolean> {
    const { hasWork, deleteUnused } = this.#options
    if (hasWork(key)) return false
    try {
      await deleteUnused(key, since)
      return true
    } catch (error) {
      if (BeamClawError.isInstance(error) && ofOneSession.has(error.code)) return false
      throw error
    }
  }
}
