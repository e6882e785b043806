import type { ProviderWarning } from '@beamclaw/core'

/** Collects what was left out of a request; each setting is told once. */
export class Warnings {
  readonly #bySetting = new Map<string, string>()

  add(setting: string, message: string): void {
    if (!this.#bySetting.has(setting)) this.#bySetting.set(setting, message)
  }

  all(): readonly ProviderWarning[] {
    return [...this.#bySetting].map(([setting, message]) => ({ setting, message }))
  }
}
