/** Finds the sessions that a crash left between the removal of their journal and that of the rest. */
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { Store } from '../../ports/store.ts'
import { journalKey } from '../session-names.ts'

/** Journals that are looked for at once. */
const atOnce = 32

/**
 * Resolves with those of `keys` that have no record: no caller may ever use them again, so what is left of them goes without a call. A session whose
 * journal cannot be read is not among them.
 */
export async function withoutJournal(store: Store, tenant: TenantId, keys: readonly SessionKey[]): Promise<readonly SessionKey[]> {
  const rest = [...keys]
  const found: SessionKey[] = []
  const lookNext = async (): Promise<void> => {
    for (let key = rest.pop(); key !== undefined; key = rest.pop()) {
      const page = await store.readLog(journalKey(tenant, key), { limit: 1 }).catch(() => 'unknown' as const)
      if (page !== 'unknown' && (page === undefined || page.lastSeq === 0)) found.push(key)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, rest.length) }, lookNext))
  return found
}
