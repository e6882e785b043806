/** A store that counts the records that are read from the logs of sessions. */
import { wrapLog } from '../adapter/wrap-log.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { AppendLog, FencingToken, LogPage, LogSnapshot, ReadLogOptions } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'

export class CountingStore extends MemoryStore {
  /** Records that owners have read. */
  loaded = 0
  /** Records of pages that readers beside the owner have read. */
  paged = 0
  /** Pages of readers. */
  pages = 0
  readonly snapshots: LogSnapshot[] = []

  override async openLog(logKey: StoreKey, token: FencingToken): Promise<AppendLog> {
    const log = await super.openLog(logKey, token)
    if (logKey[1] !== 'sessions') return log
    return wrapLog(log, {
      read: async (fromSeq) => {
        const contents = await log.read(fromSeq)
        this.loaded += contents.records.length
        return contents
      },
      snapshot: async (snapshot, options) => {
        await log.snapshot(snapshot, options)
        this.snapshots.push(snapshot)
      },
    })
  }

  override async readLog(key: StoreKey, options?: ReadLogOptions): Promise<LogPage | undefined> {
    const page = await super.readLog(key, options)
    this.pages++
    this.paged += page?.records.length ?? 0
    return page
  }
}
