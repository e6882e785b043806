/** Looks for what the store has of a session, without waking it. */
import { BeamClawError } from '../../base/errors.ts'
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { Store } from '../../ports/store.ts'
import { journalKey } from '../session-names.ts'
import { SettingsDocument } from '../session-settings.ts'

/** The settings of a session, as they are stored. */
export type StoredSettings = Pick<SettingsDocument, 'value' | 'isStored' | 'isDeleting'>

/**
 * Resolves with the stored state of a session. `none`: nothing, so no session. `described`: a record or settings, which only a begun session has. `bare`: a
 * journal without a record, because a first message may be refused after the journal was opened.
 */
export async function findJournal(store: Store, tenant: TenantId, key: SessionKey): Promise<'none' | 'bare' | 'described'> {
  const page = await store.readLog(journalKey(tenant, key), { limit: 1 })
  if (page !== undefined && page.lastSeq > 0) return 'described'
  if (hasSettings(await settingsOf(store, tenant, key))) return 'described'
  return page === undefined ? 'none' : 'bare'
}

/** A session whose settings cannot be read is listed without them. The session itself reports the error when it is used. */
export async function settingsOf(store: Store, tenant: TenantId, key: SessionKey): Promise<StoredSettings> {
  try {
    return await new SettingsDocument(store, tenant, key).load()
  } catch (error) {
    if (BeamClawError.isInstance(error, 'log-corrupt')) return { value: {}, isStored: true, isDeleting: false }
    throw error
  }
}

/** Settings that are marked for deletion may belong to a session that is deleted already. */
export function hasSettings({ isStored, isDeleting }: StoredSettings): boolean {
  return isStored && !isDeleting
}
