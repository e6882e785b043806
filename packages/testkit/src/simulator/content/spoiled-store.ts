/** A store that gives back something else than what was written, as a disk, a hand or another version may do. */

import { BeamClawError, type JsonValue, type LogContents, MemoryStore, type Random, type Store, type StoreKey } from '@beamclaw/core'
import { wrapLog, wrapStore } from '@beamclaw/core/adapter'
import { oddJson, spoiled } from './odd-values.ts'

/** Characters that it takes at once. */
const maxLength = 250_000

export class SpoiledStore {
  readonly store: Store
  readonly #memory = new MemoryStore()
  readonly #random: Random
  // Logs that are spoiled when they are next read.
  readonly #doomed = new Set<string>()
  // The content that is read instead of each spoiled log.
  readonly #instead = new Map<string, LogContents>()

  constructor(random: Random) {
    this.#random = random
    const memory = this.#memory
    this.store = wrapStore(memory, {
      stop: async () => {},
      openLog: async (key, token) => {
        const log = await memory.openLog(key, token)
        const read = async (fromSeq?: number): Promise<LogContents> => this.#read(JSON.stringify(key), await log.read(), fromSeq)
        const append = async (records: Parameters<typeof log.append>[0]): Promise<void> => {
          const length = JSON.stringify(records).length
          if (length > maxLength) throw new BeamClawError('document-too-large', `${length} characters are more than ${maxLength}`)
          await log.append(records)
        }
        return wrapLog(log, { append, read })
      },
    })
  }

  /** From its next reading on, something in this log is odd, for good. */
  spoilLog(key: StoreKey): void {
    this.#doomed.add(JSON.stringify(key))
  }

  /** From now on this document is odd. */
  async spoilDocument(key: StoreKey): Promise<void> {
    const found = await this.#memory.get(key)
    await this.#memory.put(key, this.#spoil(found?.value ?? { label: 'mine', model: 'odd/model' }) as JsonValue)
  }

  #read(name: string, content: LogContents, fromSeq = 1): LogContents {
    if (this.#doomed.delete(name)) this.#instead.set(name, this.#spoiledContent(content))
    const instead = this.#instead.get(name)
    const lastSeq = instead?.records.at(-1)?.seq ?? instead?.snapshot?.seq ?? 0
    // What was written since is as it was written, and a later snapshot is all there is.
    const isReplaced = instead === undefined || (content.snapshot?.seq ?? 0) > lastSeq
    const { snapshot, records } = isReplaced
      ? content
      : { snapshot: instead.snapshot, records: [...instead.records, ...content.records.filter(({ seq }) => seq > lastSeq)] }
    return structuredClone({ snapshot, records: records.filter(({ seq }) => seq >= fromSeq) })
  }

  #spoiledContent({ snapshot, records }: LogContents): LogContents {
    const state = snapshot === undefined || this.#random.next() < 0.5 ? snapshot : { seq: snapshot.seq, state: this.#spoil(snapshot.state) }
    const at = Math.floor(this.#random.next() * records.length)
    const content = records.map((record, index) => (index === at ? { ...record, data: this.#spoil(record.data) } : record))
    return { snapshot: state, records: content } as LogContents
  }

  #spoil(value: unknown): JsonValue {
    return JSON.parse(JSON.stringify(spoiled(this.#random, value, oddJson)) ?? 'null') as JsonValue
  }
}
