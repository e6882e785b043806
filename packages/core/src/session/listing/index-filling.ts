/** Keeps the index of a tenant complete: fills it in the background where it is not, and lets lists wait for that. */
import type { SystemServices, TimerHandle } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { Store } from '../../ports/store.ts'
import { type IndexProgress, rebuildIndex } from './rebuild-index.ts'
import type { SessionOverviews } from './session-overviews.ts'

export interface IndexFillingOptions {
  readonly store: Store
  readonly tenant: TenantId
  readonly services: SystemServices
  readonly overviews: SessionOverviews
  /** Called with sessions that have unfinished work, as their journals say. */
  readonly onWork: (keys: readonly SessionKey[]) => void
}

/** Milliseconds that a list waits for the index. */
const patienceMs = 10_000

/** Milliseconds between two lines of the log that tell how far it is. */
const progressEveryMs = 5_000

/** Milliseconds until a failed filling is tried again; doubled each time, up to the longest. */
const firstRetryMs = 1_000
const longestRetryMs = 60_000

/** Failures of a store that no other attempt gets over. */
const lasting: ReadonlySet<string> = new Set(['store-stopped', 'store-failed', 'store-replaced'])

/**
 * Phases: `closed ⇄ open`, and while open, idle or filling.
 *
 * I1: At most one filling is under way. I2: Once closed, nothing is written.
 */
export class IndexFilling {
  readonly #options: IndexFillingOptions
  #end = new AbortController()
  #filling: Promise<void> | undefined
  #progress: IndexProgress = { done: 0, withWork: 0, unreadable: 0 }
  #retry: { readonly timer: TimerHandle; readonly now: () => void } | undefined

  constructor(options: IndexFillingOptions) {
    this.#options = options
    this.#end.abort()
  }

  /** Fills the index unless it is complete. Resolves once it is, or this is closed. */
  async open(): Promise<void> {
    this.#end = new AbortController()
    // That of an earlier incarnation has been told to end.
    await this.#filling
    await this.#start()
  }

  #start(): Promise<void> {
    const { signal } = this.#end
    if (signal.aborted) return Promise.resolve()
    this.#filling ??= this.#fill(signal).finally(() => {
      this.#filling = undefined
    })
    return this.#filling
  }

  /** Resolves once the index is complete. Rejects with `index-rebuilding` after ten seconds, and as the store does. */
  async ready(): Promise<void> {
    const { store, tenant, services } = this.#options
    if ((await store.index.status(tenant)).isComplete) return
    const late = Promise.withResolvers<void>()
    const timer = services.clock.setTimer(late.resolve, patienceMs)
    await Promise.race([this.#start(), late.promise])
    timer.cancel()
    if ((await store.index.status(tenant)).isComplete) return
    throw this.#rebuilding()
  }

  /** Ends the filling at once. The next process begins it anew. */
  close(): void {
    this.#end.abort(new BeamClawError('actor-not-running', 'The sessions of this tenant are being stopped'))
    this.#retry?.timer.cancel()
    this.#retry?.now()
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { store, tenant, services, overviews } = this.#options
    for (let retryMs = firstRetryMs; !signal.aborted; retryMs = Math.min(longestRetryMs, retryMs * 2)) {
      try {
        const status = await store.index.status(tenant)
        if (status.isComplete) return
        if (signal.aborted) return
        overviews.beginFilling()
        return await this.#rebuild(status.reason, signal)
      } catch (error) {
        if (signal.aborted) return
        const isLasting = BeamClawError.isInstance(error) && lasting.has(error.code)
        const next = isLasting ? {} : { retryAfterMs: retryMs }
        services.logger.log('error', 'index.not-rebuilt', { tenant, error: describeError(error), ...next })
        if (isLasting) return
        await this.#pause(retryMs)
      } finally {
        overviews.endFilling()
      }
    }
  }

  async #rebuild(reason: string, signal: AbortSignal): Promise<void> {
    const { store, tenant, services, overviews, onWork } = this.#options
    const { clock, logger } = services
    let toldAt = clock.monotonic()
    const begunAt = toldAt
    let isTold = false
    this.#progress = await rebuildIndex(store, tenant, {
      clock,
      signal,
      put: (entries) => overviews.fill(entries),
      onProgress: ({ progress, found }) => {
        this.#progress = progress
        for (const { entry, damage } of found)
          if (damage !== undefined) logger.log('error', 'index.session-unreadable', { session: entry.sessionKey, error: damage })
        onWork(found.filter(({ hasWork }) => hasWork).map(({ entry }) => entry.sessionKey))
        if (isTold && clock.monotonic() - toldAt < progressEveryMs) return
        isTold = true
        toldAt = clock.monotonic()
        logger.log('info', 'index.rebuilding', { tenant, reason, ...progress })
      },
    })
    if (isTold) logger.log('info', 'index.rebuilt', { tenant, ...this.#progress, ms: Math.round(clock.monotonic() - begunAt) })
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#retry = { timer: this.#options.services.clock.setTimer(resolve, ms, true), now: resolve }
    })
    this.#retry = undefined
  }

  #rebuilding(): BeamClawError {
    const { done } = this.#progress
    const problem = `The index of sessions is being filled from their journals, ${done} so far`
    return new BeamClawError('index-rebuilding', `${problem}; sessions work meanwhile, and lists do once it is done: try again later`, {
      retryAfterMs: patienceMs,
      details: { done },
    })
  }
}
