/** The part that owns the browsers of a program: one Chromium for each tenant, while pages are open. */
import { randomBytes } from 'node:crypto'
import { BeamClawError, DynamicSupervisor, defaultTenant, type Part, type PartHost, type PartSpec } from '@beamclaw/core'
import { DeathWatch } from '../sandboxes/death-watch.ts'
import type { BrowsersOptions } from './browser-options.ts'
import { type BrowserSettings, browserSettings } from './browser-settings.ts'
import { findChromium, findPlaywright } from './load-playwright.ts'
import { TenantPages } from './tenant-pages.ts'

/** Whether a page could be opened here. */
export interface BrowserProbe {
  readonly isAvailable: boolean
  /** Path of Chromium; absent without one. */
  readonly executablePath?: string
  /** Why not, and what to install or change; for people. */
  readonly reason?: string
}

/**
 * Runs one Chromium for each tenant: started with the first page, ended with the last, ended with the tenant. A crash of Chromium ends its pages and nothing
 * else; the next call starts another. Give it to `parts` and to `browserTool`. Throws `invalid-option`.
 *
 * @example
 * const browsers = new Browsers({ denyHosts: ['*.corp.example'] })
 * const claw = new BeamClaw({ providers, agents, parts: [browsers] })
 */
export class Browsers implements Part<DynamicSupervisor> {
  readonly id = 'browsers'
  readonly level = 'tenant'
  readonly #settings: BrowserSettings
  // One for all: its process stays until that of the host ends.
  readonly #mark = `browser-${randomBytes(8).toString('hex')}`
  readonly #deathWatch = new DeathWatch(this.#mark)
  readonly #tenants = new Map<string, TenantPages>()

  constructor(options: BrowsersOptions = {}) {
    this.#settings = browserSettings(options)
  }

  start({ tenant, services }: PartHost): PartSpec<DynamicSupervisor> {
    return {
      start: () => {
        const supervisor = new DynamicSupervisor()
        const pages = new TenantPages(supervisor, this.#settings, { ...services, deathWatch: this.#deathWatch, mark: this.#mark })
        supervisor.monitor(() => {
          pages.release()
          if (this.#tenants.get(tenant) === pages) this.#tenants.delete(tenant)
        })
        this.#tenants.set(tenant, pages)
        return supervisor
      },
    }
  }

  /** Tells whether `playwright-core` and Chromium are here. Starts and loads nothing. */
  async probe(): Promise<BrowserProbe> {
    try {
      findPlaywright()
      return { isAvailable: true, executablePath: await findChromium(this.#settings.executablePath) }
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'browser-unavailable')) throw error
      return { isAvailable: false, reason: error.message }
    }
  }

  /** Returns the pages of a tenant, for `browserTool` alone. Throws `actor-not-running` while this part does not run there. */
  of(tenant: string = defaultTenant): object {
    const pages = this.#tenants.get(tenant)
    if (pages !== undefined) return pages
    const problem = `Browsers does not run in tenant "${tenant}"; give it to \`parts\` of the BeamClaw`
    throw new BeamClawError('actor-not-running', problem, { details: { tenant } })
  }
}
