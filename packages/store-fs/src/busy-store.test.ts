/** A store that is always behind: its write-ahead log is full all the time, while logs are written, dropped, deleted, closed and opened. */
import type { AppendLog } from '@beamclaw/core'
import { logRecords, storeKey } from '@beamclaw/testkit'
import { expect, test } from 'vitest'
import { FsStore } from './fs-store.ts'
import { chance } from './testing/chance.ts'
import { hastyClock } from './testing/hasty-clock.ts'
import { scratchDirectory } from './testing/scratch.ts'

const writers = 24
const steps = 100
const text = 'x'.repeat(300)

/** One log, and what it holds. */
class Writer {
  readonly #store: FsStore
  readonly #name: string
  #log: AppendLog | undefined
  #epoch = 0
  #kept = 1
  #last = 0

  constructor(store: FsStore, name: string) {
    this.#store = store
    this.#name = name
  }

  get key() {
    return storeKey('sessions', 'main', this.#name)
  }

  get records() {
    return this.#kept > this.#last ? [] : logRecords(this.#kept, this.#last, text)
  }

  async step(what: number): Promise<void> {
    this.#log ??= await this.#store.openLog(this.key, { epoch: ++this.#epoch, nonce: 'x' })
    if (what < 6) {
      await this.#log.append(logRecords(this.#last + 1, this.#last + 3, text))
      this.#last += 3
    } else if (what === 6) {
      await this.#log.snapshot({ seq: this.#last, state: text }, { dropRecords: true })
      this.#kept = this.#last + 1
    } else if (what === 7) {
      await this.#store.deleteLog(this.key, { epoch: ++this.#epoch, nonce: 'x' })
      this.#log = undefined
      this.#kept = 1
      this.#last = 0
    } else if (what === 8) {
      await this.#log.close()
      this.#log = undefined
    } else {
      const page = await this.#store.readLog(this.key)
      expect(page?.records ?? []).toEqual(this.records)
    }
  }
}

test.each([1, 2, 3])(
  'goes on, and has all of it in the end (seed %i)',
  async (seed) => {
    await using scratch = await scratchDirectory()
    const store = new FsStore({
      path: scratch.path,
      sync: 'os',
      clock: hastyClock,
      walSegmentBytes: 4_000,
      walMaxBytes: 16_000,
      maxOpenFiles: 8,
    })
    const next = chance(seed)
    const all = Array.from({ length: writers }, (_, index) => new Writer(store, `s${index}`))
    await Promise.all(
      all.map(async (writer) => {
        for (let step = 0; step < steps; step++) await writer.step(next(10))
      }),
    )
    await store.stop()
    await using again = new FsStore({ path: scratch.path })
    for (const { key, records } of all) expect((await again.readLog(key))?.records ?? []).toEqual(records)
  },
  60_000,
)
