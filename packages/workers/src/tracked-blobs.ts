/** The attachments of a shard while a worker has it: it knows which are being read, so that the shard can leave without breaking a reader. */
import { BeamClawError, type BlobId, type BlobInfo, type BlobStore, type Clock, type StoredBlob, type StoreKey } from '@beamclaw/core'

/** Milliseconds for which a shard that leaves waits for readers: less than a call waits for a shard that is on its way. */
const readersMs = 10_000

/**
 * Phases: `here → leaving → gone`. Owns the list of what is under way: calls, and readers from their first piece to their last. I1: once `whenIdle` has resolved, a reader
 * gets no further piece: it rejects `store-io`, which can be tried again.
 */
export class TrackedBlobs implements BlobStore {
  readonly #blobs: BlobStore
  readonly #clock: Pick<Clock, 'setTimer'>
  readonly #calls = new Set<Promise<unknown>>()
  #readers = 0
  #idle = Promise.withResolvers<void>()
  #phase: 'here' | 'leaving' | 'gone' = 'here'

  constructor(blobs: BlobStore, clock: Pick<Clock, 'setTimer'>) {
    this.#blobs = blobs
    this.#clock = clock
  }

  put(owner: StoreKey, bytes: Uint8Array): Promise<BlobId> {
    return this.#track(this.#blobs.put(owner, bytes))
  }

  async read(owner: StoreKey, id: BlobId): Promise<StoredBlob | undefined> {
    const blob = await this.#track(this.#blobs.read(owner, id))
    if (blob === undefined) return undefined
    // Its reader begins within this turn, as a rule.
    this.#track(new Promise(setImmediate))
    return { ...blob, bytes: { [Symbol.asyncIterator]: () => this.#pieces(blob) } }
  }

  list(owner: StoreKey): Promise<readonly BlobInfo[]> {
    return this.#track(this.#blobs.list(owner))
  }

  share(from: StoreKey, to: StoreKey, ids: readonly BlobId[]): Promise<readonly BlobId[]> {
    return this.#track(this.#blobs.share(from, to, ids))
  }

  deleteAll(owner: StoreKey): Promise<void> {
    return this.#track(this.#blobs.deleteAll(owner))
  }

  /** Resolves once nothing is under way; readers that take longer than some seconds are not waited for. */
  async whenIdle(): Promise<void> {
    while (this.#calls.size > 0) await Promise.allSettled(this.#calls)
    this.#phase = 'leaving'
    const timer = this.#clock.setTimer(() => this.endWait(), readersMs)
    if (this.#readers === 0) this.endWait()
    await this.#idle.promise
    timer.cancel()
    this.#phase = 'gone'
  }

  /** Ends the wait for readers. */
  endWait(): void {
    this.#idle.resolve()
  }

  async *#pieces({ id, size, bytes }: StoredBlob): AsyncGenerator<Uint8Array> {
    this.#checkHere(id)
    this.#readers += 1
    let read = 0
    try {
      for await (const piece of bytes) {
        read += piece.length
        yield piece
        // One that has all of it needs no shard to end.
        if (read < size) this.#checkHere(id)
      }
    } catch (error) {
      this.#checkHere(id, error)
      throw error
    } finally {
      this.#readers -= 1
      if (this.#readers === 0 && this.#phase === 'leaving') this.endWait()
    }
  }

  #checkHere(id: BlobId, cause?: unknown): void {
    if (this.#phase !== 'gone') return
    const problem = `The shard of the attachment ${id} has moved to another worker while it was read. Read it again`
    throw new BeamClawError('store-io', problem, { cause, isRetryable: true })
  }

  #track<T>(call: Promise<T>): Promise<T> {
    const ended = (): void => void this.#calls.delete(call)
    this.#calls.add(call)
    call.then(ended, ended)
    return call
  }
}
