/** One sub-agent of the list: its record, its document, and the signals of its changes. */
import type { Store } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { ProcessDocument } from '../process/process-document.ts'
import { applyChange, hasEnded, type SubAgentChange, type SubAgentRecord, toDocument, viewOf } from './sub-agent-record.ts'
import type { SubAgent } from './sub-agent-types.ts'

/**
 * Phases: `active → ended → settled`; ended once its end is durable, settled once the parent was told and the session is cleaned up where they have to be.
 * Owns the record and the order of its writes. I1: `ended` and `settled` resolve after what they mean is durable.
 */
export class SubAgentEntry {
  readonly id: string
  readonly document: ProcessDocument
  readonly ended = Promise.withResolvers<void>()
  readonly settled = Promise.withResolvers<void>()
  /** Aborted when it is to be ended by force. */
  readonly stopping = new AbortController()
  isSettled = false
  #record: SubAgentRecord

  constructor(record: SubAgentRecord, store: Store, key: StoreKey) {
    this.id = record.id
    this.#record = record
    this.document = new ProcessDocument(store, key, () => toDocument(this.#record))
    this.ended.promise.catch(() => {})
    this.settled.promise.catch(() => {})
    if (record.stop !== undefined) this.stopping.abort()
  }

  get record(): SubAgentRecord {
    return this.#record
  }

  get hasEnded(): boolean {
    return hasEnded(this.#record)
  }

  get view(): SubAgent {
    return viewOf(this.#record)
  }

  change(change: SubAgentChange): void {
    this.#record = applyChange(this.#record, change)
    if (this.#record.stop !== undefined) this.stopping.abort()
  }

  settle(): void {
    this.isSettled = true
    this.ended.resolve()
    this.settled.resolve()
  }

  /** Nothing is written any more, and what waits for it is refused. */
  release(error: Error): void {
    this.document.close()
    this.ended.reject(error)
    this.settled.reject(error)
  }
}
