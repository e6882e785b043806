/** One owner's handle on a log: a list whose name holds the opening. */
import type { AppendLog, BeamClawError, LogContents, LogEntry, LogSnapshot, SnapshotOptions, StoreKey } from '@beamclaw/core'
import { checkOptions, checkSnapshotSeq, encodeJson, encodeLogRecords, freshLogRecords, integer } from '@beamclaw/core/adapter'
import type { AppendGroups } from './append-groups.ts'
import { redisFailure, rewound, stopped } from './failures.ts'
import type { ListPart } from './log-records.ts'
import { encodeRecord } from './log-records.ts'
import type { RedisReply } from './redis-client.ts'

/** What a handle knows of its log after the opening. */
export interface OpenedLog {
  readonly key: StoreKey
  readonly list: string
  readonly tag: string
  readonly epoch: number
  readonly base: number
  readonly lastSeq: number
  readonly snapshotSeq: number
}

/** A snapshot on its way. */
export interface SnapshotWrite {
  readonly seq: number
  readonly json: string
  /** The length that the list must have. */
  readonly length: number
  /** How many of the oldest records go, and the seq of the last one that is gone then. */
  readonly dropped: number
  readonly base: number
}

/** What handles use of the store. */
export interface LogHost {
  readonly maxBytes: number
  readonly groups: AppendGroups
  /** Resolves with a page from `fromSeq` on; undefined when the list is not there. */
  part(list: string, fromSeq: number, limit: number): Promise<ListPart | undefined>
  readSnapshot(log: OpenedLog): Promise<LogSnapshot | undefined>
  /** Resolves with 1, 0 when the list is not there, minus its length when that is not the expected one. */
  writeSnapshot(log: OpenedLog, snapshot: SnapshotWrite): Promise<number>
  /** Resolves with why the list is not there; the error for `lastSeq`, the end that the handle knows. */
  whyGone(log: OpenedLog, lastSeq: number): Promise<BeamClawError>
  /** Called when the server has another end of the log than it acknowledged. */
  onRewound(error: BeamClawError): void
  onEnded(log: RedisLog): void
}

const rememberedRecords = 64
const recordsOfPage = 200

/**
 * Phases: `open → closed` by `close`, or `open → broken` by a failed call. Owns what it has sent and has no reply for.
 *
 * - I1: calls take effect in call order: an append that follows what was sent is sent at once, everything else waits in `#turn` until nothing is under way.
 * - I2: nothing is written under this list's name once another owner has renamed it, whenever a command arrives.
 * - I3: after any failure but a refusal the handle is broken: every waiting and every later call rejects with that first reason.
 */
export class RedisLog implements AppendLog {
  readonly #host: LogHost
  readonly #log: OpenedLog
  #base: number
  #snapshotSeq: number
  #sentSeq: number
  #underWay = 0
  #idle: PromiseWithResolvers<void> | undefined
  #turn: Promise<unknown> | undefined
  // `#refusal` rejects new calls; calls that wait already may still succeed unless `#broken` is set.
  #refusal: BeamClawError | undefined
  #broken: BeamClawError | undefined
  #diagnosis: Promise<BeamClawError> | undefined
  #closed: Promise<void> | undefined

  constructor(host: LogHost, log: OpenedLog) {
    this.#host = host
    this.#log = log
    this.#base = log.base
    this.#snapshotSeq = log.snapshotSeq
    this.#sentSeq = log.lastSeq
  }

  async append(records: readonly LogEntry[]): Promise<void> {
    this.#checkOpen()
    const encoded = encodeLogRecords(records, this.#host.maxBytes).map(({ seq, id, ...rest }) => ({
      seq,
      id,
      text: encodeRecord({ seq, id, ...rest }),
    }))
    if (this.#turn === undefined && encoded[0]?.seq === this.#sentSeq + 1) return this.#send(encoded)
    await this.#inTurn(async () => {
      const [first] = encoded
      if (first?.seq === this.#sentSeq + 1) return { done: this.#send(encoded) }
      await this.#untilIdle()
      const held = first !== undefined && first.seq <= this.#sentSeq ? await this.#heldIds(first.seq) : new Map<number, string>()
      const fresh = freshLogRecords(encoded, (seq) => held.get(seq), this.#sentSeq)
      if (fresh.length > 0) return { done: this.#send(fresh) }
      if (held.size === 0) await this.#part(this.#sentSeq + 1, 1)
      return undefined
    })
  }

  async read(fromSeq = 1): Promise<LogContents> {
    this.#checkOpen()
    checkOptions('AppendLog.read', { fromSeq }, { fromSeq: integer(0) })
    const read = await this.#inTurn(async () => {
      await this.#untilIdle()
      const snapshot = await this.#host.readSnapshot(this.#log)
      const records: LogEntry[] = []
      const first = Math.max(fromSeq, this.#snapshotSeq + 1, this.#base + 1)
      do {
        const page = await this.#part(first + records.length, recordsOfPage)
        for (const record of page.records) records.push(record)
      } while (first + records.length <= this.#sentSeq)
      return { done: Promise.resolve({ snapshot, records }) }
    })
    return read as LogContents
  }

  async snapshot(snapshot: LogSnapshot, { dropRecords = false }: SnapshotOptions = {}): Promise<void> {
    this.#checkOpen()
    const { seq, state } = snapshot ?? {}
    const json = encodeJson(state, this.#host.maxBytes)
    await this.#inTurn(async () => {
      checkSnapshotSeq(seq, this.#snapshotSeq, this.#sentSeq)
      await this.#untilIdle()
      const base = dropRecords ? Math.max(this.#base, seq) : this.#base
      const written = { seq, json, dropped: base - this.#base, length: this.#length(), base }
      await this.#checkReply(await this.#host.writeSnapshot(this.#log, written), 1)
      this.#snapshotSeq = seq
      this.#base = base
      return undefined
    })
  }

  close(): Promise<void> {
    return this.end(stopped('the log handle is closed'))
  }

  /** Lets what waits finish, and tells later calls `reason`. Never rejects. */
  end(reason: BeamClawError): Promise<void> {
    this.#closed ??= this.#end(reason)
    return this.#closed
  }

  async #end(reason: BeamClawError): Promise<void> {
    this.#refusal ??= reason
    while (this.#turn !== undefined) await this.#turn
    await this.#settled()
    this.#broken ??= reason
    this.#host.onEnded(this)
  }

  /** Returns the length of the list when all that was sent is in it. */
  #length(): number {
    return 1 + this.#sentSeq - this.#base
  }

  #checkOpen(): void {
    if (this.#refusal !== undefined) throw this.#refusal
  }

  async #settled(): Promise<void> {
    while (this.#underWay > 0) {
      this.#idle ??= Promise.withResolvers()
      await this.#idle.promise
    }
  }

  /** Resolves when nothing is under way. Rejects when something of it has failed. */
  async #untilIdle(): Promise<void> {
    await this.#settled()
    if (this.#broken !== undefined) throw this.#broken
  }

  /** Runs `work` after the calls before it have been decided; the next turn does not wait for what it sends. */
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
    this.#occupy(turn.catch(() => undefined))
    return await (await turn)?.done
  }

  /** Makes later calls wait for `turn`. */
  #occupy(turn: Promise<unknown>): void {
    this.#turn = turn
    void turn.then(() => {
      if (this.#turn === turn) this.#turn = undefined
    })
  }

  /** Resolves with the ids of the last records, by seq. */
  async #heldIds(fromSeq: number): Promise<Map<number, string>> {
    const held = new Map<number, string>()
    let from = Math.max(fromSeq, this.#sentSeq + 1 - rememberedRecords, this.#base + 1)
    do {
      const { records } = await this.#part(from, rememberedRecords)
      for (const { seq, id } of records) held.set(seq, id)
      from += records.length
    } while (from <= this.#sentSeq)
    return held
  }

  /** Resolves with a page of the list. Rejects when it is not there, or has another end than it should. */
  async #part(fromSeq: number, limit: number): Promise<ListPart> {
    const part = await this.#host.part(this.#log.list, fromSeq, limit)
    if (part === undefined) throw await this.#host.whyGone(this.#log, this.#sentSeq)
    if (part.length !== this.#length()) throw this.#rewound(part.length)
    return part
  }

  #send(records: readonly { readonly text: string }[]): Promise<void> {
    const texts = records.map(({ text }) => text)
    const size = texts.reduce((sum, { length }) => sum + length, 64)
    this.#host.groups.checkRoom(size)
    this.#sentSeq += records.length
    this.#underWay += 1
    const expectedLength = this.#length()
    return new Promise<void>((resolve, reject) => {
      this.#host.groups.push({
        list: this.#log.list,
        records: texts,
        expectedLength,
        size,
        refusal: () => this.#broken,
        settle: (outcome) => {
          if ('reply' in outcome && typeof outcome.reply === 'number' && outcome.reply > 0 && this.#broken === undefined) {
            resolve()
            this.#arrived()
            return
          }
          void this.#appendFailed(outcome, expectedLength).then((error) => {
            this.#arrived()
            reject(error)
          })
        },
      })
    })
  }

  /** Resolves with why an append failed, once the handle is broken for it. */
  #appendFailed(outcome: { readonly reply: RedisReply } | { readonly error: unknown }, expectedLength: number): Promise<BeamClawError> {
    if ('error' in outcome) return Promise.resolve(this.#failed(outcome.error))
    if (this.#broken !== undefined) return Promise.resolve(this.#broken)
    if (typeof outcome.reply !== 'number') return Promise.resolve(this.#failed(new Error(String(outcome.reply))))
    this.#diagnosis ??= this.#diagnose(outcome.reply, expectedLength)
    return this.#diagnosis
  }

  /** Asks who has the log now. Calls that come meanwhile wait for the answer; what of them is sent already writes nothing, since its length cannot fit. */
  #diagnose(reply: number, expectedLength: number): Promise<BeamClawError> {
    const diagnosis = this.#checkReply(reply, expectedLength).then(
      () => this.#failed(stopped('the log handle is broken')),
      (error: unknown) => this.#failed(error),
    )
    this.#occupy(Promise.allSettled([this.#turn, diagnosis]))
    return diagnosis
  }

  /** Rejects for a reply that tells of another owner, or of another end. */
  async #checkReply(reply: number, expected: number): Promise<void> {
    if (reply === expected) return
    if (reply === 0) throw await this.#host.whyGone(this.#log, this.#sentSeq)
    throw this.#rewound(-reply)
  }

  #rewound(length: number): BeamClawError {
    const error = rewound(this.#log.key, this.#sentSeq, this.#base + length - 1)
    this.#host.onRewound(error)
    return error
  }

  #arrived(): void {
    this.#underWay -= 1
    if (this.#underWay > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }

  /** Returns what a call rejects with; breaks the handle unless the call was refused for its input or for lack of room to wait. */
  #failed(error: unknown): BeamClawError {
    const failure = redisFailure(error, `using the log ${JSON.stringify(this.#log.key)}`)
    if (failure.code !== 'log-gap' && failure.code !== 'overloaded') {
      this.#broken ??= failure
      this.#refusal = this.#broken
    }
    return this.#broken ?? failure
  }
}
