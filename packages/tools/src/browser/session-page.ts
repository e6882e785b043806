/** The page of one session, and what became of it between two calls. */
import type { BeamClawError, Clock } from '@beamclaw/core'
import { describeError, sleep } from '@beamclaw/core/adapter'
import type { Download, Page } from 'playwright-core'
import { pageFailed } from './browser-errors.ts'
import type { Chromium, IsolatedContext } from './chromium.ts'

/** Longest list of things that are told with one result, and characters of one of them. */
const maxNotes = 10
const maxNoteCharacters = 300

/** What ends an action. */
export interface ActionLimits {
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Phases: open → closed. Owns a context with one page in it; windows that the page opens are closed at once.
 *
 * I1  Actions run one after another.
 * I2  No action takes longer than its limit: a page that does not respond by then is closed.
 */
export class SessionPage {
  readonly chromium: Chromium
  readonly page: Page
  readonly #isolated: IsolatedContext
  readonly #refusals: BeamClawError[]
  readonly #notes: string[] = []
  #more = 0
  #last: Promise<unknown> = Promise.resolve()
  #running = 0
  #whyClosed: string | undefined
  #onDownload: ((download: Download) => void) | undefined

  private constructor(chromium: Chromium, isolated: IsolatedContext, page: Page, refusals: BeamClawError[]) {
    this.chromium = chromium
    this.page = page
    this.#isolated = isolated
    this.#refusals = refusals
    this.#listen()
  }

  static async open(chromium: Chromium): Promise<SessionPage> {
    const refusals: BeamClawError[] = []
    const isolated = await chromium.isolate((error) => {
      if (refusals.push(error) > maxNotes) refusals.shift()
    })
    try {
      return new SessionPage(chromium, isolated, await isolated.context.newPage(), refusals)
    } catch (error) {
      await isolated.close().catch(() => undefined)
      throw error
    }
  }

  /** Whether an action runs or waits. */
  get isBusy(): boolean {
    return this.#running > 0
  }

  get isClosed(): boolean {
    return this.#whyClosed !== undefined || this.page.isClosed() || !this.chromium.isAlive
  }

  /** What closed the page. */
  get whyClosed(): string {
    const { exitReason } = this.chromium
    return (
      this.#whyClosed ??
      (exitReason?.type === 'crashed' ? describeError(exitReason.cause).replace(/^browser: /, '') : 'Chromium has ended.')
    )
  }

  /** The origin of the page; "null" for a page without one. */
  get origin(): string {
    return URL.parse(this.page.url())?.origin ?? 'null'
  }

  /** Runs an action after those before it. Rejects `tool-failed` when the page does not respond, and with the reason of `signal`. */
  async run<T>(work: () => Promise<T>, { signal, timeoutMs, clock }: ActionLimits): Promise<T> {
    this.#running++
    const turn = this.#last
    const { promise: over, resolve: done } = Promise.withResolvers<void>()
    this.#last = turn.then(() => over)
    const stop = Promise.withResolvers<never>()
    const onAbort = (): void => stop.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    let timer: ReturnType<Clock['setTimer']> | undefined
    try {
      await Promise.race([turn, stop.promise])
      timer = clock.setTimer(() => {
        void this.close(`it did not respond within ${timeoutMs} ms.`)
        stop.reject(pageFailed(`the page did not respond within ${timeoutMs} ms and was closed. Navigate again.`))
      }, timeoutMs)
      const working = work()
      // What fails after its limit is for no one.
      working.catch(() => undefined)
      return await Promise.race([working, stop.promise])
    } finally {
      timer?.cancel()
      signal.removeEventListener('abort', onAbort)
      this.#running--
      done()
    }
  }

  /** Returns what happened since the last call, and forgets it. */
  takeNotes(): readonly string[] {
    const taken = [...this.#notes.splice(0), ...(this.#more === 0 ? [] : [`${this.#more} more things of this kind happened.`])]
    this.#more = 0
    return taken
  }

  /** Returns the requests that were refused or failed since the last call, and forgets them. */
  takeRefusals(): readonly BeamClawError[] {
    return this.#refusals.splice(0)
  }

  /** Resolves with the download that `trigger` begins. Rejects `tool-failed` when none begins in time. */
  async downloadAfter(trigger: () => Promise<unknown>, { clock, timeoutMs, signal }: ActionLimits): Promise<Download> {
    const { promise, resolve } = Promise.withResolvers<Download>()
    const over = new AbortController()
    this.#onDownload = resolve
    try {
      await trigger()
      const late = sleep(clock, timeoutMs, AbortSignal.any([signal, over.signal])).then((): never => {
        throw pageFailed('no download has begun. Take a snapshot to see what the click did.')
      })
      return await Promise.race([promise, late])
    } finally {
      this.#onDownload = undefined
      over.abort()
    }
  }

  async close(why = 'it was closed.'): Promise<void> {
    if (this.#whyClosed !== undefined) return
    this.#whyClosed = why
    // With Chromium its contexts are gone.
    await this.#isolated.close().catch(() => undefined)
  }

  #listen(): void {
    const { page } = this
    page.on('dialog', (dialog) => {
      // The model wants to leave the page, so it is left.
      const isLeaving = dialog.type() === 'beforeunload'
      if (!isLeaving) this.#note(`A dialog (${dialog.type()}) was dismissed. It said: ${dialog.message()}`)
      ;(isLeaving ? dialog.accept() : dialog.dismiss()).catch(() => undefined)
    })
    page.on('download', (download) => {
      if (this.#onDownload !== undefined) return this.#onDownload(download)
      this.#note(`A download of "${download.suggestedFilename()}" was cancelled. Use action "download" to take one.`)
      download.cancel().catch(() => undefined)
    })
    page.on('crash', () => void this.close('it crashed.'))
    this.#isolated.context.on('page', (other) => {
      if (other === page) return
      this.#note(`The page opened a window with ${other.url()}, which was closed. Navigate there if you need it.`)
      other.close().catch(() => undefined)
    })
  }

  #note(text: string): void {
    if (this.#notes.length < maxNotes) this.#notes.push(text.slice(0, maxNoteCharacters))
    else this.#more++
  }
}
