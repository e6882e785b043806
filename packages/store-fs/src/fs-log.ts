/** One owner's handle on a log. Its lines go into the write-ahead log of the store. */
import type {
  AppendLog,
  BeamClawError,
  EntryLocation,
  FencingToken,
  LogContents,
  LogEntry,
  LogSnapshot,
  SnapshotOptions,
} from '@beamclaw/core'
import { checkSnapshotSeq, type EncodedLogEntry, encodeJson, encodeLogRecords, freshLogRecords } from '@beamclaw/core/adapter'
import { fenced, invalid, stopped, storeFailure } from './failures.ts'
import type { LogState } from './log-state.ts'
import type { WalItem } from './wal-group.ts'
import { type EncodedLine, encodeRecordLine, encodeSnapshotLine, type OwnerFields } from './wal-line.ts'

/** What all handles of a store share. */
export interface LogHost {
  readonly maxBytes: number
  /** Throws `overloaded` when `bytes` more may not wait. */
  checkRoom(bytes: number): void
  /** Counts bytes that wait before they are sent, until the returned function is called. Throws as `checkRoom` does. */
  hold(bytes: number): () => void
  push(item: WalItem): void
  isOwner(): boolean
  readContents(state: LogState, fromSeq: number): Promise<LogContents>
  locate(state: LogState, seq: number): Promise<EntryLocation | undefined>
  /** Ids of the records from `fromSeq` on that the log still holds, by seq. */
  idsFrom(state: LogState, fromSeq: number): Promise<ReadonlyMap<number, string>>
  /** Called once with a handle that ended, whether it was closed or fenced. */
  onEnded(log: FsLog): void
  /** Called when the records before a snapshot are to go for good. */
  onDropped(): void
}

// The newest line that names the owner is never further from the end than this: finding it costs one read.
const ownerEveryBytes = 64 * 1024
const rememberedRecords = 64

// What an append and a record need in memory beside their text, about.
const appendBytes = 256
const recordBytes = 64

/** Returns the characters of records with all that is written around them, so that many small ones count for what they are. */
function sizeOf({ lineKey }: LogState, records: readonly EncodedLogEntry[]): number {
  let size = appendBytes
  for (const { json, type, id } of records) size += recordBytes + lineKey.json.length + type.length + id.length + json.length
  return size
}

/**
 * Phases: `open → closed` by `end`, or `open → broken` by a failed write or `fence`. Owns what it has sent and is not durable yet; what is durable belongs to the
 * state of the log.
 *
 * - I1: calls take effect in call order: an append that follows what was sent is sent at once, and everything else waits in `#turn` until nothing is under way.
 * - I2: `append` resolves only after the write-ahead log did.
 * - I3: after any failure but a refusal the handle is broken: every waiting and every later call rejects with that first reason.
 */
export class FsLog implements AppendLog {
  readonly state: LogState
  readonly token: FencingToken
  readonly #host: LogHost
  /** Seq of the last record that was sent. */
  #sentSeq: number
  #sentSnapshotSeq: number
  #bytesSinceOwner = Number.POSITIVE_INFINITY
  #underWay = 0
  #idle: PromiseWithResolvers<void> | undefined
  // The calls that must not overlap with a write, one after the other; undefined when there is none.
  #turn: Promise<unknown> | undefined
  // `#refusal` rejects new calls; calls that wait already may still succeed unless `#broken` is set.
  #refusal: BeamClawError | undefined
  #broken: BeamClawError | undefined
  #closed: Promise<void> | undefined
  #isEnded = false

  /** @param state a log whose tail was loaded. */
  constructor(host: LogHost, state: LogState, token: FencingToken) {
    this.#host = host
    this.state = state
    this.token = token
    this.#sentSeq = state.lastSeq ?? 0
    this.#sentSnapshotSeq = state.snapshotSeq ?? 0
  }

  /** True when it wrote under its token. */
  get hasWritten(): boolean {
    return this.#bytesSinceOwner !== Number.POSITIVE_INFINITY
  }

  async append(records: readonly LogEntry[]): Promise<void> {
    this.#checkOpen()
    const encoded = encodeLogRecords(records, this.#host.maxBytes)
    if (this.#turn === undefined && encoded[0]?.seq === this.#sentSeq + 1) return this.#send(encoded)
    await this.#inTurnWith(sizeOf(this.state, encoded), async () => {
      const [first] = encoded
      if (first?.seq === this.#sentSeq + 1) return { done: this.#send(encoded) }
      await this.#untilIdle()
      const from = Math.max(first?.seq ?? 1, this.#sentSeq + 1 - rememberedRecords, this.state.droppedSeq + 1)
      const held =
        first !== undefined && first.seq <= this.#sentSeq ? await this.#host.idsFrom(this.state, from) : new Map<number, string>()
      const fresh = freshLogRecords(encoded, (seq) => held.get(seq), this.#sentSeq)
      if (fresh.length > 0) return { done: this.#send(fresh) }
      this.#checkOwned()
      return undefined
    })
  }

  async read(fromSeq = 1): Promise<LogContents> {
    this.#checkOpen()
    if (!Number.isSafeInteger(fromSeq) || fromSeq < 0) throw invalid('AppendLog.read needs a whole number from 0 as fromSeq')
    return await this.#exclusively(() => this.#host.readContents(this.state, fromSeq))
  }

  async snapshot(snapshot: LogSnapshot, { dropRecords = false }: SnapshotOptions = {}): Promise<void> {
    this.#checkOpen()
    const { seq, state } = snapshot ?? {}
    const stateJson = encodeJson(state, this.#host.maxBytes)
    if (this.#turn === undefined) await this.#sendSnapshot(seq, stateJson, dropRecords)
    else await this.#inTurnWith(stateJson.length, async () => ({ done: this.#sendSnapshot(seq, stateJson, dropRecords) }))
  }

  async locate(seq: number): Promise<EntryLocation | undefined> {
    this.#checkOpen()
    return await this.#exclusively(() => this.#host.locate(this.state, seq))
  }

  close(): Promise<void> {
    return this.end(stopped('the log handle is closed'))
  }

  /** Lets what waits finish, and tells later calls `reason`. Never rejects. */
  end(reason: BeamClawError): Promise<void> {
    this.#closed ??= this.#end(reason)
    return this.#closed
  }

  /** Breaks the handle at once; resolves when no write of it is under way any more. */
  async fence(reason: BeamClawError): Promise<void> {
    this.#break(reason)
    await this.#settled()
    this.#ended()
  }

  async #end(reason: BeamClawError): Promise<void> {
    this.#refusal ??= reason
    await this.#settled()
    this.#broken ??= reason
    this.#ended()
  }

  #ended(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#host.onEnded(this)
  }

  #checkOpen(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  #checkOwned(): void {
    if (!this.#host.isOwner()) throw fenced()
    if (this.#broken !== undefined) throw this.#broken
  }

  async #settled(): Promise<void> {
    while (this.#turn !== undefined) await this.#turn.catch(() => undefined)
    await this.#untilIdle()
  }

  async #untilIdle(): Promise<void> {
    while (this.#underWay > 0) {
      this.#idle ??= Promise.withResolvers()
      await this.#idle.promise
    }
  }

  /** Runs `work` alone: after everything that was called before, with nothing under way. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      await this.#untilIdle()
      const result = await work()
      this.#checkOwned()
      return { done: Promise.resolve(result) }
    }) as Promise<T>
  }

  /** Runs `work` when the calls before it have been decided; the next turn does not wait for what it sends. */
  async #inTurn<T>(work: () => Promise<{ readonly done: Promise<T> } | undefined>): Promise<T | undefined> {
    const before = this.#turn ?? Promise.resolve()
    const turn = before.then(async () => {
      if (this.#broken !== undefined) throw this.#broken
      try {
        return await work()
      } catch (error) {
        throw this.#failed(error)
      }
    })
    const tail = turn.catch(() => undefined)
    this.#turn = tail
    tail.then(() => {
      if (this.#turn === tail) this.#turn = undefined
    })
    return await (await turn)?.done
  }

  /** Runs `work` in its turn; what it is about to send counts as waiting until then. */
  async #inTurnWith<T>(size: number, work: () => Promise<{ readonly done: Promise<T> } | undefined>): Promise<T | undefined> {
    const letGo = this.#host.hold(size)
    try {
      return await this.#inTurn(() => {
        letGo()
        return work()
      })
    } finally {
      letGo()
    }
  }

  #send(records: readonly EncodedLogEntry[]): Promise<void> {
    const size = sizeOf(this.state, records)
    this.#host.checkRoom(size)
    const { lineKey } = this.state
    const owner = this.#bytesSinceOwner >= ownerEveryBytes ? this.#ownerFields() : undefined
    const lines = records.map((record, index) => encodeRecordLine(lineKey, record, index === 0 ? owner : undefined))
    this.#bytesSinceOwner = (owner === undefined ? this.#bytesSinceOwner : 0) + size
    const firstSeq = this.#sentSeq + 1
    this.#sentSeq += records.length
    return this.#push({ kind: 'record', firstSeq, lastSeq: this.#sentSeq, lines, size, owner })
  }

  async #sendSnapshot(seq: number, stateJson: string, isDrop: boolean): Promise<void> {
    checkSnapshotSeq(seq, this.#sentSnapshotSeq, this.#sentSeq)
    this.#host.checkRoom(stateJson.length)
    const owner = this.#ownerFields()
    const lines: EncodedLine[] = [encodeSnapshotLine(this.state.lineKey, seq, stateJson, owner, isDrop)]
    this.#sentSnapshotSeq = seq
    this.#bytesSinceOwner = 0
    await this.#push({ kind: isDrop ? 'drop' : 'snapshot', firstSeq: seq, lastSeq: seq, lines, size: stateJson.length, owner })
    if (isDrop) this.#host.onDropped()
  }

  #ownerFields(): OwnerFields {
    return { token: this.token, snapshotSeq: this.#sentSnapshotSeq }
  }

  #push(item: Omit<WalItem, 'state' | 'resolve' | 'reject'>): Promise<void> {
    this.#underWay += 1
    return new Promise<void>((resolve, reject) => {
      this.#host.push({
        ...item,
        state: this.state,
        resolve: () => {
          this.#arrived()
          if (this.#broken === undefined) resolve()
          else reject(this.#broken)
        },
        reject: (error) => {
          this.#break(error)
          this.#arrived()
          reject(this.#broken)
        },
      })
    })
  }

  #arrived(): void {
    this.#underWay -= 1
    if (this.#underWay > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }

  /** Returns what a call rejects with; breaks the handle unless the call was refused for its input or for lack of room to wait. */
  #failed(error: unknown): BeamClawError {
    const failure = storeFailure(error, `using the log ${this.state.lineKey.json}`)
    if (failure.code !== 'log-gap' && failure.code !== 'overloaded') this.#break(failure)
    return this.#broken ?? failure
  }

  #break(reason: BeamClawError): void {
    if (this.#broken !== undefined) return
    this.#broken = reason
    this.#refusal ??= reason
  }
}
