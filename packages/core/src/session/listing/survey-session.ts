/** Reads what an index and the list of busy sessions need to know of a session from its journal. It fences no owner, and writes nothing. */
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { SessionIndexEntry } from '../../ports/session-index.ts'
import type { Store } from '../../ports/store.ts'
import { journalKey } from '../session-names.ts'
import type { SessionSettings } from '../session-settings.ts'
import { applyRecord } from '../state/apply-record.ts'
import { hasWork } from '../state/has-work.ts'
import { SessionState } from '../state/session-state.ts'
import { hasSettings, settingsOf } from './find-journal.ts'
import { entryOf } from './session-entry.ts'

/** What was found of one session. */
export interface SurveyedSession {
  readonly entry: SessionIndexEntry
  /** True while a run is active or waits: a process that ends now leaves it to the next one. */
  readonly hasWork: boolean
  /** Why the journal cannot be read; the entry then lacks what was not read, and the session counts as without work. */
  readonly damage?: string
}

/** Records that are read and folded before the event loop gets its turn. */
const pageSize = 256

/** The failures of a store that say nothing of one session. */
const ofTheStore: ReadonlySet<string> = new Set(['store-stopped', 'store-failed', 'store-replaced', 'store-locked'])

/** Resolves with undefined where there is no session: no record and no settings. Rejects when the store as a whole cannot be read. */
export async function surveySession(store: Store, tenant: TenantId, key: SessionKey): Promise<SurveyedSession | undefined> {
  const state = new SessionState()
  let damage: string | undefined
  try {
    await foldJournal(store, tenant, key, state)
  } catch (error) {
    if (isOfTheStore(error)) throw error
    damage = describeError(error)
  }
  try {
    const stored = await settingsOf(store, tenant, key)
    if (state.seq === 0 && damage === undefined && !hasSettings(stored)) return undefined
    return surveyOf(key, state, stored.isStored ? stored.value : (state.importedSettings ?? {}), damage)
  } catch (error) {
    if (isOfTheStore(error)) throw error
    return surveyOf(key, state, {}, damage ?? describeError(error))
  }
}

/** Returns what a state says of its session. */
function surveyOf(key: SessionKey, state: SessionState, settings: SessionSettings, damage?: string): SurveyedSession {
  const entry = entryOf(key, state, settings)
  if (damage === undefined) return { entry, hasWork: hasWork(state) }
  const { preview: _, ...rest } = entry
  return { entry: rest, hasWork: false, damage }
}

async function foldJournal(store: Store, tenant: TenantId, key: SessionKey, state: SessionState): Promise<void> {
  for (;;) {
    const page = await store.readLog(journalKey(tenant, key), { fromSeq: state.seq + 1, limit: pageSize })
    if (page === undefined || page.records.length === 0) return
    for (const record of page.records) applyRecord(state, record)
    if (state.seq >= page.lastSeq) return
  }
}

function isOfTheStore(error: unknown): boolean {
  return BeamClawError.isInstance(error) && ofTheStore.has(error.code)
}
