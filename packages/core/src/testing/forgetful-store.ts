/** A store whose snapshots drop the records before them, as no session asks of its store: readers find records gone for good. */
import { wrapLog } from '../adapter/wrap-log.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { AppendLog, FencingToken } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'

export class ForgetfulStore extends MemoryStore {
  /** The numbers of the sessions' snapshots. */
  readonly taken: number[] = []

  override async openLog(logKey: StoreKey, token: FencingToken): Promise<AppendLog> {
    const log = await super.openLog(logKey, token)
    if (logKey[1] !== 'sessions') return log
    return wrapLog(log, {
      snapshot: async (snapshot) => {
        await log.snapshot(snapshot, { dropRecords: true })
        this.taken.push(snapshot.seq)
      },
    })
  }
}
