/** One Chromium of one tenant, with its proxy, as an actor: a crash of the one is a crash of the other. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Actor, type BeamClawError, type Clock, type Logger, type TimerHandle } from '@beamclaw/core'
import type { Browser, BrowserContext } from 'playwright-core'
import type { DeathWatch } from '../sandboxes/death-watch.ts'
import { kill } from '../sandboxes/process-facts.ts'
import { browserUnavailable, pageFailed } from './browser-errors.ts'
import type { BrowserSettings } from './browser-settings.ts'
import { FilteringProxy, type OnRefused, type ProxyUser } from './filtering-proxy.ts'
import { canContainPages, chromiumArguments, chromiumEnvironment, unwantedArguments } from './launch-words.ts'
import { findChromium, loadPlaywright } from './load-playwright.ts'
import { memoryOfTree } from './process-memory.ts'

/** What the actor gets from its host. */
export interface ChromiumServices {
  readonly clock: Clock
  readonly logger: Logger
  /** Ends Chromium when the host is killed. */
  readonly deathWatch: DeathWatch
  /** What the environment of each of its processes carries, for the death watch. */
  readonly mark: string
}

/** Milliseconds between two looks at the memory. */
const memoryPeriodMs = 1_000
const viewport = { width: 1280, height: 800 }
const connectTimeoutMs = 15_000

/** What is open while Chromium runs. */
interface Opened {
  readonly browser: Browser
  readonly proxyUrl: string
  readonly pid: number
  readonly folder: string
}

/** A context of its own for one session: no other shares its cookies, its storage or its proxy user. */
export interface IsolatedContext {
  readonly context: BrowserContext
  close(): Promise<void>
}

/**
 * Phases: new → starting → running → ended. Owns the process, the proxy, a folder for downloads and a timer; `release` ends them however the actor ends.
 *
 * I1  No process of Chromium outlives the actor, nor the host: the group is killed by `release`, and by the death watch when the host is killed.
 * I2  When Chromium ends or grows too large, the actor crashes with the reason.
 */
export class Chromium extends Actor<BeamClawError, void> {
  readonly #settings: BrowserSettings
  readonly #services: ChromiumServices
  readonly #proxy: FilteringProxy
  #opened: Opened | undefined
  #timer: TimerHandle | undefined
  #isStopping = false

  constructor(settings: BrowserSettings, services: ChromiumServices) {
    super()
    this.#settings = settings
    this.#services = services
    const { policy, resolve, dial } = settings
    this.#proxy = new FilteringProxy({ policy, resolve, connectTimeoutMs, ...(dial === undefined ? {} : { dial }) })
  }

  /** Id of the process; undefined before it runs. */
  get pid(): number | undefined {
    return this.#opened?.pid
  }

  /** The folder in which Chromium keeps downloads until they are taken. */
  get downloads(): string {
    return this.#running().folder
  }

  /** Opens a context. `onRefused` is called for each of its requests that the proxy refuses. */
  async isolate(onRefused: OnRefused): Promise<IsolatedContext> {
    const { browser, proxyUrl } = this.#running()
    const user: ProxyUser = this.#proxy.admit(onRefused)
    try {
      const context = await browser.newContext({
        viewport,
        serviceWorkers: 'block',
        acceptDownloads: true,
        proxy: { server: proxyUrl, bypass: '<-loopback>', ...user },
      })
      const close = async (): Promise<void> => {
        this.#proxy.dismiss(user)
        await context.close()
      }
      return { context, close }
    } catch (error) {
      this.#proxy.dismiss(user)
      throw error
    }
  }

  protected override async init(): Promise<void> {
    this.monitor(() => this.#release())
    const chromium = await loadPlaywright()
    const executablePath = await findChromium(this.#settings.executablePath)
    const chromiumSandbox = canContainPages()
    if (!chromiumSandbox) this.#services.logger.log('warn', 'browser.no-sandbox', { reason: 'the process runs as root' })
    const proxyUrl = await this.#proxy.listen()
    const folder = await mkdtemp(join(tmpdir(), 'beamclaw-browser-'))
    try {
      const browser = await chromium.launch({
        executablePath,
        chromiumSandbox,
        args: [...chromiumArguments],
        ignoreDefaultArgs: [...unwantedArguments],
        env: chromiumEnvironment(this.#services.mark, folder),
        // For what belongs to no session: without a name and a password it is refused.
        proxy: { server: proxyUrl, bypass: '<-loopback>' },
        downloadsPath: folder,
        handleSIGINT: false,
        handleSIGTERM: false,
        handleSIGHUP: false,
        timeout: this.#settings.timeoutMs,
      })
      const pid = await pidOf(browser).catch(async (error: unknown) => {
        await browser.close()
        throw error
      })
      this.#services.deathWatch.add(pid)
      this.#opened = { browser, proxyUrl, pid, folder }
      browser.once('disconnected', () => this.#fail('Chromium has ended, and all its pages with it.'))
      // The actor was ended meanwhile, before there was anything to release.
      if (this.isAlive) this.#watchMemory(pid)
      else this.#release()
    } catch (error) {
      this.#proxy.close()
      await removeFolder(folder)
      throw browserUnavailable('Chromium could not be started. Start it by hand to see why.', error)
    }
  }

  /** The only message is what has gone wrong. */
  protected override handle(problem: BeamClawError): never {
    throw problem
  }

  protected override async onStop(): Promise<void> {
    this.#isStopping = true
    await this.#opened?.browser.close()
  }

  #running(): Opened {
    if (this.#opened === undefined || !this.isAlive) throw pageFailed('Chromium has ended. Navigate again.')
    return this.#opened
  }

  #watchMemory(pid: number): void {
    const { maxMemoryBytes } = this.#settings
    this.#timer = this.#services.clock.setTimer(() => {
      const bytes = memoryOfTree(pid)
      if (bytes <= maxMemoryBytes) this.#watchMemory(pid)
      else this.#fail(`Chromium used ${bytes} bytes of memory, more than ${maxMemoryBytes}, and was ended with all its pages.`)
    }, memoryPeriodMs)
  }

  #fail(problem: string): void {
    if (this.#isStopping || !this.isAlive) return
    this.cast(pageFailed(problem))
  }

  #release(): void {
    this.#isStopping = true
    this.#timer?.cancel()
    this.#proxy.close()
    const { pid, folder } = this.#opened ?? {}
    if (pid !== undefined) {
      kill(-pid, 'SIGKILL')
      this.#services.deathWatch.remove(pid)
    }
    if (folder !== undefined) void removeFolder(folder)
  }
}

/** Removes a folder, also while processes that were killed still write to it. */
async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }).catch(() => undefined)
}

async function pidOf(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  const found = processInfo.find(({ type }) => type === 'browser')
  if (found === undefined) throw new Error('Chromium does not tell its process')
  return found.id
}
