/** The overview of a conversation, for lists that do not wake it. It is stored in its own document, some seconds after the session became idle. */
import type { Logger } from '@beamclaw/actor'
import { describeError } from '../base/errors.ts'
import type { SessionKey, TenantId } from '../base/ids.ts'
import { textOf } from '../base/messages.ts'
import type { Store, StoreKey } from '../ports/store.ts'
import { journalKey } from './session-names.ts'
import type { SessionState } from './state/session-state.ts'

export interface SessionOverview {
  /** Times of the first and the last record, in milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
  /** The beginning of the last message with text. */
  readonly preview: string
}

/** Maximum characters of the message in a list. */
const previewCharacters = 120

/** Returns the overview of a session. */
export function overviewOf({ createdAt, at, conversation: { context } }: SessionState): SessionOverview {
  const last = context.newest((message) => message.role !== 'tool' && textOf(message).trim() !== '')
  const preview = last === undefined ? '' : textOf(last).trim().slice(0, previewCharacters).toWellFormed()
  return { createdAt, updatedAt: at, preview }
}

/**
 * The overviews of a tenant's sessions.
 *
 * I1: A noted overview that is not written yet is the newest; a document dates from the last time its session was removed from the busy list.
 * I2: An overview is derived from the journal: losing one only costs a preview until the session is used again.
 */
export class SessionOverviews {
  readonly #store: Store
  readonly #tenant: TenantId
  readonly #logger: Logger
  readonly #noted = new Map<SessionKey, SessionOverview>()
  readonly #writing = new Map<SessionKey, Promise<void>>()

  constructor({ store, tenant, logger }: { readonly store: Store; readonly tenant: TenantId; readonly logger: Logger }) {
    this.#store = store
    this.#tenant = tenant
    this.#logger = logger
  }

  /** Keeps the overview of a session that has become idle, until it is written. */
  note(key: SessionKey, overview: SessionOverview): void {
    this.#noted.set(key, overview)
  }

  /** Writes the noted overviews of these sessions. A failed write is logged; the session's next work notes the overview again. */
  async write(keys: readonly SessionKey[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#write(key)))
  }

  /** Resolves with the newest overview; undefined when there is none or it cannot be read. */
  async read(key: SessionKey): Promise<SessionOverview | undefined> {
    const noted = this.#noted.get(key)
    if (noted !== undefined) return noted
    const found = (await this.#store.get(this.#documentOf(key)))?.value as Partial<SessionOverview> | null | undefined
    const { createdAt, updatedAt, preview } = found ?? {}
    if (typeof createdAt !== 'number' || typeof updatedAt !== 'number' || typeof preview !== 'string') return undefined
    return { createdAt, updatedAt, preview }
  }

  /** Deletes the overview of a session that is being deleted. */
  async delete(key: SessionKey): Promise<void> {
    this.#noted.delete(key)
    await this.#writing.get(key)
    await this.#store.delete(this.#documentOf(key))
  }

  async #write(key: SessionKey): Promise<void> {
    const before = this.#writing.get(key)
    const written = this.#put(key, before)
    this.#writing.set(key, written)
    await written
    if (this.#writing.get(key) === written) this.#writing.delete(key)
  }

  async #put(key: SessionKey, before: Promise<void> | undefined): Promise<void> {
    await before
    const overview = this.#noted.get(key)
    if (overview === undefined) return
    try {
      await this.#store.put(this.#documentOf(key), { ...overview })
    } catch (error) {
      this.#logger.log('warn', 'session.overview-not-written', { session: key, error: describeError(error) })
    }
    if (this.#noted.get(key) === overview) this.#noted.delete(key)
  }

  #documentOf(key: SessionKey): StoreKey {
    return [...journalKey(this.#tenant, key), 'overview']
  }
}
