/** A log of a shard that this worker has, and that goes on when the shard leaves. */
import type { AppendLog, LogContents, LogEntry, LogSnapshot, SnapshotOptions } from '@beamclaw/core'

export interface MovableLogOptions {
  /** The log in the store of this worker. */
  readonly here: AppendLog
  /** False once the shard is leaving this worker, or has left. */
  readonly isHere: () => boolean
  /** Opens it with the same token where the shard is by then. Waits while the shard is on its way. */
  readonly reopen: () => Promise<AppendLog>
}

/**
 * Phases: `here → there`. The same token may open a log again, so the handle goes on with what it was granted; a later owner fences it as any other.
 * I1: a call goes to the log here only while the shard is here. I2: calls that wait for the reopening go on in their order.
 */
export class MovableLog implements AppendLog {
  readonly #options: MovableLogOptions
  #there: Promise<AppendLog> | undefined
  #isClosed = false

  constructor(options: MovableLogOptions) {
    this.#options = options
  }

  append(records: readonly LogEntry[]): Promise<void> {
    return this.#on((log) => log.append(records))
  }

  read(fromSeq?: number): Promise<LogContents> {
    return this.#on((log) => log.read(fromSeq))
  }

  snapshot(snapshot: LogSnapshot, options?: SnapshotOptions): Promise<void> {
    return this.#on((log) => log.snapshot(snapshot, options))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const { here, isHere } = this.#options
    if (this.#there !== undefined) await (await this.#there.catch(() => undefined))?.close()
    // One whose shard has left was closed with its store.
    else if (isHere()) await here.close()
  }

  async #on<T>(work: (log: AppendLog) => Promise<T>): Promise<T> {
    const { here, isHere, reopen } = this.#options
    // A closed handle says so itself.
    if (this.#there === undefined && (this.#isClosed || isHere())) return await work(here)
    const there = this.#there ?? reopen()
    this.#there = there
    there.catch(() => {
      if (this.#there === there) this.#there = undefined
    })
    return await work(await there)
  }
}
