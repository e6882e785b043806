/** The port to the index of sessions: a cache from which a page of a list is read without reading the sessions. */
import type { SessionKey, TenantId } from '../base/ids.ts'
import type { JsonObject } from '../base/messages.ts'

/** What a list tells of one session. Derived from its journal and settings, so losing it loses nothing. */
export interface SessionIndexEntry {
  readonly sessionKey: SessionKey
  /** Times of the first and the last record, in milliseconds since 1970; absent for a session without a record. */
  readonly createdAt?: number
  readonly updatedAt?: number
  /** The beginning of the last message with text; absent when there is none. */
  readonly preview?: string
  /** What its journal and attachments take, in bytes, about. */
  readonly bytes?: number
  /** `label` and `owner`, where they are strings, are what `page` filters by. */
  readonly settings: JsonObject
}

/** The order of a page: by key, or by a time with the latest first; sessions of the same time are in the order of their keys. An absent time counts as 0. */
export type SessionIndexSort = 'key' | 'updatedAt' | 'createdAt'

/** What `SessionIndex.page` finds. */
export interface SessionIndexQuery {
  readonly sort: SessionIndexSort
  /** Only keys that begin with this text, of at most 1,024 characters. */
  readonly prefix?: string
  readonly label?: string
  readonly owner?: string
  /** Only what follows this place, whether or not a session is there. `at` is the time by which the page is sorted; needed unless it is by key. */
  readonly after?: { readonly sessionKey: string; readonly at?: number }
  /** Maximum entries of the page, from 1. */
  readonly limit: number
}

/** Whether every session of a tenant that is at rest has its entry; if not, why, in words for a log. */
export type SessionIndexStatus = { readonly isComplete: true } | { readonly isComplete: false; readonly reason: string }

/**
 * One entry for each session. Calls take effect in call order, and a page sees what was put before it. Tenants never see each other. Rejects only with
 * `BeamClawError`s: `invalid-id` for a tenant, `invalid-session-key`, `invalid-message` for what is no entry, `document-too-large`, `invalid-option` for a
 * query; then nothing is written. `store-full` and `store-io` may leave a part of the entries written. After the store's `stop`, `store-stopped`.
 *
 * An index that cannot be read any more replaces itself by an empty one, which is not complete until core has filled it from the journals.
 */
export interface SessionIndex {
  /** Writes entries over those of the same sessions. Resolves once all are durable. */
  put(tenant: TenantId, entries: readonly SessionIndexEntry[]): Promise<void>
  /** Removes entries, there or not. Resolves once that is durable. */
  delete(tenant: TenantId, keys: readonly SessionKey[]): Promise<void>
  /** Resolves with the entries that are there, in any order. */
  get(tenant: TenantId, keys: readonly SessionKey[]): Promise<readonly SessionIndexEntry[]>
  /** Resolves with a page of entries, in order. */
  page(tenant: TenantId, query: SessionIndexQuery): Promise<readonly SessionIndexEntry[]>
  /** A new index, and one that was made anew, is complete for no tenant. */
  status(tenant: TenantId): Promise<SessionIndexStatus>
  /**
   * Marks the index of the tenant as complete. Resolves once that is durable, and all that was put before. Rejects with `store-io` when the index has replaced
   * itself since it was last cleared for the tenant in this process: what was put between is gone.
   */
  complete(tenant: TenantId): Promise<void>
  /** Removes all entries of the tenant, and the mark that they are complete. Resolves once that is durable. */
  clear(tenant: TenantId): Promise<void>
}
