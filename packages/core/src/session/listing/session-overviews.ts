/** What is known of a tenant's sessions beyond their index: the entries of sessions in memory, and those that are not written yet. */
import type { Logger } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { JsonObject } from '../../base/messages.ts'
import type { SessionIndexEntry } from '../../ports/session-index.ts'
import type { Store } from '../../ports/store.ts'
import type { SessionSettings } from '../session-settings.ts'
import { isSameEntry } from './session-entry.ts'

interface Known {
  readonly entry: SessionIndexEntry
  /** False while the index may have an older entry. */
  readonly isWritten: boolean
  /** False for a session that has left memory. */
  readonly isLoaded: boolean
}

export interface SessionOverviewsOptions {
  readonly store: Store
  readonly tenant: TenantId
  readonly logger: Logger
  /** True once another BeamClaw may own the sessions. */
  readonly isEnded: () => boolean
}

/**
 * I1: A session whose entry in the index is missing or out of date is in the list of busy sessions: a crash wakes it, and then its entry is written. It is
 *     removed from that list only once its entry is durable.
 * I2: While the index is filled, what this class has written or removed is newer than what is read from the journals.
 */
export class SessionOverviews {
  readonly #store: Store
  readonly #tenant: TenantId
  readonly #logger: Logger
  readonly #known = new Map<SessionKey, Known>()
  /** Deleted sessions that the index may still have. */
  readonly #doomed = new Set<SessionKey>()
  /** The sessions that were written or removed since the filling began; undefined while the index is not filled. */
  #touched: Set<SessionKey> | undefined
  readonly #isEnded: () => boolean

  constructor({ store, tenant, logger, isEnded }: SessionOverviewsOptions) {
    this.#store = store
    this.#tenant = tenant
    this.#logger = logger
    this.#isEnded = isEnded
  }

  /** Returns the newest entry of a session in memory, or of one whose entry is not written yet. */
  known(key: SessionKey): SessionIndexEntry | undefined {
    return this.#known.get(key)?.entry
  }

  /** Keeps the entry of a session that was read from its journal. With `isListed`, the session is listed as busy, and its entry is written later. */
  loaded(entry: SessionIndexEntry, { isListed }: { readonly isListed: boolean }): void {
    const key = entry.sessionKey
    this.#doomed.delete(key)
    const isWritten = this.#known.get(key)?.isWritten ?? true
    this.#known.set(key, { entry, isWritten, isLoaded: true })
    if (!isListed && isWritten) void this.#heal(entry)
  }

  /** Keeps the entry of a session that has become idle, until it is written. */
  note(entry: SessionIndexEntry): void {
    this.#doomed.delete(entry.sessionKey)
    this.#known.set(entry.sessionKey, { entry, isWritten: false, isLoaded: true })
  }

  /** Shows new settings of a session at work, whose entry is written at the end of its work. */
  configured(sessionKey: SessionKey, settings: SessionSettings): void {
    const { entry = { sessionKey }, isWritten = true } = this.#known.get(sessionKey) ?? {}
    this.#known.set(sessionKey, { entry: { ...entry, settings: settings as JsonObject }, isWritten, isLoaded: true })
  }

  /** Forgets a session that has left memory, once its entry is written. */
  left(key: SessionKey): void {
    const known = this.#known.get(key)
    if (known === undefined) return
    if (known.isWritten) this.#known.delete(key)
    else this.#known.set(key, { ...known, isLoaded: false })
  }

  /** Writes the noted entries of these sessions. Rejects as the store does; then they stay noted. */
  async write(keys: readonly SessionKey[]): Promise<void> {
    const doomed = keys.filter((key) => this.#doomed.has(key))
    if (doomed.length > 0) await this.#remove(doomed)
    const noted = keys.map((key) => this.#known.get(key)).filter((known): known is Known => known?.isWritten === false)
    if (noted.length === 0) return
    await this.#put(noted.map(({ entry }) => entry))
    for (const { entry } of noted) {
      const known = this.#known.get(entry.sessionKey)
      // It has worked again meanwhile.
      if (known?.entry !== entry) continue
      if (known.isLoaded) this.#known.set(entry.sessionKey, { ...known, isWritten: true })
      else this.#known.delete(entry.sessionKey)
    }
  }

  /** Removes a deleted session. Rejects as the store does; then `write` tries again. */
  async delete(key: SessionKey): Promise<void> {
    this.#known.delete(key)
    this.#doomed.add(key)
    await this.#remove([key])
  }

  /** Removes the entry of a session of which the store has nothing: its file may have been deleted by hand. */
  async gone(key: SessionKey): Promise<void> {
    try {
      const [found] = await this.#store.index.get(this.#tenant, [key])
      if (found !== undefined && this.#known.get(key) === undefined && !this.#isEnded()) await this.#remove([key])
    } catch (error) {
      if (!this.#isEnded()) this.#logger.log('warn', 'index.not-written', { session: key, error: describeError(error) })
    }
  }

  /** Begins to tell what is newer than the journals that are being read. */
  beginFilling(): void {
    this.#touched = new Set()
  }

  /** Writes entries that were read from journals, but for sessions that have worked or were deleted since the filling began. */
  async fill(entries: readonly SessionIndexEntry[]): Promise<void> {
    await this.#putWhole(entries.filter(({ sessionKey }) => this.#touched?.has(sessionKey) !== true))
  }

  endFilling(): void {
    this.#touched = undefined
  }

  async #remove(keys: readonly SessionKey[]): Promise<void> {
    for (const key of keys) this.#touched?.add(key)
    await this.#store.index.delete(this.#tenant, keys)
    for (const key of keys) this.#doomed.delete(key)
  }

  async #put(entries: readonly SessionIndexEntry[]): Promise<void> {
    for (const { sessionKey } of entries) this.#touched?.add(sessionKey)
    await this.#putWhole(entries)
  }

  /** An entry that the store does not take is written without what makes it large: its session must not be missing. */
  async #putWhole(entries: readonly SessionIndexEntry[]): Promise<void> {
    if (entries.length === 0) return
    try {
      await this.#store.index.put(this.#tenant, entries)
    } catch (error) {
      if (!BeamClawError.isInstance(error, 'document-too-large')) throw error
      const [first] = entries
      if (entries.length === 1 && first !== undefined) await this.#store.index.put(this.#tenant, [shortened(first)])
      else for (const entry of entries) await this.#putWhole([entry])
    }
  }

  /** Writes the entry of a session at rest unless the index has it: the session may have come with a copied file. */
  async #heal(entry: SessionIndexEntry): Promise<void> {
    const { sessionKey } = entry
    try {
      const [found] = await this.#store.index.get(this.#tenant, [sessionKey])
      if (this.#isEnded() || this.#known.get(sessionKey)?.entry !== entry || (found !== undefined && isSameEntry(found, entry))) return
      await this.#put([entry])
    } catch (error) {
      if (!this.#isEnded()) this.#logger.log('warn', 'index.not-written', { session: sessionKey, error: describeError(error) })
    }
  }
}

function shortened({ preview: _, settings: { label, owner }, ...times }: SessionIndexEntry): SessionIndexEntry {
  return { ...times, settings: { ...(label === undefined ? {} : { label }), ...(owner === undefined ? {} : { owner }) } }
}
