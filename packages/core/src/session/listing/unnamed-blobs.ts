/** Counts the attachments of a session that no record of it names: those of a message that was never durable. */
import type { SessionKey, TenantId } from '../../base/ids.ts'
import type { Store } from '../../ports/store.ts'
import { journalKey } from '../session-names.ts'

/** Records that are read before the event loop gets its turn. */
const pageSize = 256

const blobName = /[0-9a-f]{64}/g

/** Resolves with their number. A name counts wherever it stands in a record, so that an attachment in use is never counted. Rejects as the store does. */
export async function unnamedBlobs(store: Store, tenant: TenantId, sessionKey: SessionKey): Promise<number> {
  const key = journalKey(tenant, sessionKey)
  const unnamed = new Set<string>((await store.blobs.list(key)).map(({ id }) => id))
  for (let fromSeq = 1; unnamed.size > 0; ) {
    const page = await store.readLog(key, { fromSeq, limit: pageSize })
    const last = page?.records.at(-1)
    if (page === undefined || last === undefined) break
    for (const { data } of page.records) for (const [name] of JSON.stringify(data).matchAll(blobName)) unnamed.delete(name)
    if (last.seq >= page.lastSeq) break
    fromSeq = last.seq + 1
  }
  return unnamed.size
}
