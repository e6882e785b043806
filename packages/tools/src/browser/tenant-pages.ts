/** The pages of one tenant: who has one, and when it goes. */
import { BeamClawError, type DynamicSupervisor, type TimerHandle } from '@beamclaw/core'
import { browserUnavailable, pageFailed } from './browser-errors.ts'
import type { BrowserSettings } from './browser-settings.ts'
import { Chromium, type ChromiumServices } from './chromium.ts'
import { SessionPage } from './session-page.ts'

interface Place {
  readonly page: Promise<SessionPage>
  /** When it was used last, by a counter. */
  usedAt: number
  timer: TimerHandle | undefined
}

/** Sessions whose lost pages are remembered. */
const maxLost = 1_000

/**
 * Owns the places of sessions, and through the supervisor one Chromium: started with the first page, ended with the last.
 *
 * I1  A session has one page at most; two calls that open one get the same.
 * I2  A page whose Chromium has ended is never used again, and its session is told once.
 */
export class TenantPages {
  readonly settings: BrowserSettings
  readonly services: ChromiumServices
  readonly #supervisor: DynamicSupervisor
  readonly #places = new Map<string, Place>()
  readonly #lost = new Map<string, string>()
  #uses = 0
  #chromium: Chromium | undefined

  constructor(supervisor: DynamicSupervisor, settings: BrowserSettings, services: ChromiumServices) {
    this.#supervisor = supervisor
    this.settings = settings
    this.services = services
  }

  /** Id of the process of Chromium; undefined while there is none. */
  get pid(): number | undefined {
    return this.#chromium?.isAlive === true ? this.#chromium.pid : undefined
  }

  /** Resolves with the page of a session; with undefined when it has none. */
  async find(sessionKey: string): Promise<SessionPage | undefined> {
    const place = this.#places.get(sessionKey)
    if (place === undefined) return undefined
    const page = await place.page
    if (!page.isClosed) {
      this.#touch(sessionKey, place)
      return page
    }
    this.#remove(sessionKey, `The page that was open before is gone: ${page.whyClosed}`)
    return undefined
  }

  /** Resolves with the page of a session, opened when there is none. Rejects `browser-unavailable`, and `tool-failed` when all pages are in use. */
  async open(sessionKey: string): Promise<SessionPage> {
    const found = await this.find(sessionKey)
    if (found !== undefined) return found
    const other = this.#places.get(sessionKey)
    if (other !== undefined) return other.page
    const page = this.#makeRoom().then(async () => SessionPage.open(await this.#running()))
    const place: Place = { page, usedAt: ++this.#uses, timer: undefined }
    this.#places.set(sessionKey, place)
    try {
      const opened = await page
      this.#touch(sessionKey, place)
      return opened
    } catch (error) {
      if (this.#places.get(sessionKey) === place) this.#places.delete(sessionKey)
      await this.#endWithLast()
      throw error
    }
  }

  /** Closes the page of a session. `reason` is told with its next call. */
  async close(sessionKey: string, reason?: string): Promise<boolean> {
    const place = this.#places.get(sessionKey)
    if (place === undefined) return false
    this.#remove(sessionKey, reason)
    await place.page.then((page) => page.close()).catch(() => undefined)
    await this.#endWithLast()
    return true
  }

  /** Returns why a session has lost its page, and forgets it. */
  takeLoss(sessionKey: string): string | undefined {
    const loss = this.#lost.get(sessionKey)
    this.#lost.delete(sessionKey)
    return loss
  }

  /** Cancels all timers; the pages end with Chromium. */
  release(): void {
    for (const { timer } of this.#places.values()) timer?.cancel()
    this.#places.clear()
  }

  async #running(): Promise<Chromium> {
    const { settings, services } = this
    try {
      const child = await this.#supervisor.ensureChild({
        id: 'chromium',
        restart: 'temporary',
        startTimeoutMs: settings.timeoutMs + 5_000,
        start: () => new Chromium(settings, services),
      })
      this.#chromium = child as Chromium
      return this.#chromium
    } catch (error) {
      const { cause } = error as { readonly cause?: unknown }
      if (BeamClawError.isInstance(cause)) throw cause
      throw BeamClawError.isInstance(error, 'actor-not-running') ? error : browserUnavailable('Chromium did not start.', error)
    }
  }

  async #makeRoom(): Promise<void> {
    if (this.#places.size < this.settings.maxPages) return
    const byAge = [...this.#places].sort(([, a], [, b]) => a.usedAt - b.usedAt)
    for (const [key, { page }] of byAge) {
      const isBusy = await page.then((opened) => opened.isBusy).catch(() => true)
      if (!isBusy && (await this.close(key, 'The page was closed, because other conversations needed its place.'))) return
    }
    throw pageFailed(`all ${this.settings.maxPages} pages are in use. Try again later.`, { isRetryable: true })
  }

  #touch(sessionKey: string, place: Place): void {
    const { settings, services } = this
    place.usedAt = ++this.#uses
    place.timer?.cancel()
    place.timer = services.clock.setTimer(() => void this.#closeIdle(sessionKey, place), settings.idleMs)
  }

  async #closeIdle(sessionKey: string, place: Place): Promise<void> {
    if (this.#places.get(sessionKey) !== place) return
    if ((await place.page).isBusy) return this.#touch(sessionKey, place)
    await this.close(sessionKey, `The page was closed after ${this.settings.idleMs} ms without a call.`)
  }

  #remove(sessionKey: string, reason: string | undefined): void {
    this.#places.get(sessionKey)?.timer?.cancel()
    this.#places.delete(sessionKey)
    if (reason === undefined) return
    this.#lost.set(sessionKey, reason)
    for (const oldest of this.#lost.keys()) {
      if (this.#lost.size <= maxLost) break
      this.#lost.delete(oldest)
    }
  }

  async #endWithLast(): Promise<void> {
    const chromium = this.#chromium
    if (this.#places.size > 0 || chromium === undefined) return
    this.#chromium = undefined
    // It may have ended by itself.
    await this.#supervisor.terminateChild(chromium).catch(() => undefined)
  }
}
