/** A store in memory whose logs of one kind can be delayed or made to fail. */
import { wrapLog } from '../adapter/wrap-log.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { AppendLog, FencingToken, LogEntry } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'

export class TroubledStore extends MemoryStore {
  /** Called before each opening; throwing fails it. */
  opening: () => Promise<void> = async () => {}

  /** Called before each append; throwing fails it and breaks the handle. */
  before: (records: readonly LogEntry[]) => Promise<void> = async () => {}

  /** Awaited after each read, before the read resolves. */
  read: () => Promise<void> = async () => {}

  /** Awaited after each append, before the append resolves. */
  after: (records: readonly LogEntry[]) => Promise<void> = async () => {}

  readonly #kind: 'sessions' | 'activity'

  constructor(kind: 'sessions' | 'activity' = 'sessions') {
    super()
    this.#kind = kind
  }

  override async openLog(logKey: StoreKey, token: FencingToken): Promise<AppendLog> {
    const isTroubled = logKey[1] === this.#kind
    if (isTroubled) await this.opening()
    const log = await super.openLog(logKey, token)
    return isTroubled ? this.#troubled(log) : log
  }

  #troubled(log: AppendLog): AppendLog {
    let broken: unknown
    return wrapLog(log, {
      append: async (records) => {
        if (broken !== undefined) throw broken
        try {
          await this.before(records)
        } catch (error) {
          broken = error
          throw error
        }
        await log.append(records)
        await this.after(records)
      },
      read: async (fromSeq) => {
        const content = await log.read(fromSeq)
        await this.read()
        return content
      },
    })
  }
}
