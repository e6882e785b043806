/** The log of the plain store, by the same rules. */
import type { BeamClawError, EntryLocation, JsonObject, LogContents, LogEntry, LogSnapshot, SnapshotOptions } from '@beamclaw/core'
import { type PlainHandle, type PlainLogState, refusal, type StoreRules } from './store-rules.ts'

type Method = 'append' | 'read' | 'snapshot' | 'locate'

export class PlainLog implements PlainHandle {
  readonly rules: StoreRules
  readonly #state: PlainLogState
  readonly #onCall: (call: Promise<unknown>) => void
  #broken: BeamClawError | undefined
  #underWay: Promise<unknown> = Promise.resolve()

  constructor(rules: StoreRules, state: PlainLogState, onCall: (call: Promise<unknown>) => void) {
    this.rules = rules
    this.#state = state
    this.#onCall = onCall
  }

  async append(records: readonly LogEntry[]): Promise<void> {
    this.#check('append')
    const { encodeRecords, fresh, addRecords, lastSeq } = this.rules
    const encoded = this.#orBreak(() => encodeRecords(records))
    await this.#inTurn('append', () => {
      const added = fresh(encoded, this.#state, lastSeq(this.#state))
      return () => addRecords(this.#state, added)
    })
  }

  async read(fromSeq = 1): Promise<LogContents> {
    this.#check('read')
    this.#orBreak(() => this.rules.checkWhole('fromSeq', fromSeq, 0))
    let content: LogContents = { snapshot: undefined, records: [] }
    await this.#inTurn('read', () => {
      const { records, snapshot } = this.#state
      const { decode, isRead, isReplaced } = this.rules
      content = {
        snapshot: snapshot && { seq: snapshot.seq, state: decode(snapshot.kept) },
        records: records
          .filter(({ seq }) => !isReplaced(seq, snapshot?.seq ?? 0))
          .filter(({ seq }, index) => isRead(seq, fromSeq, index))
          .map(({ json, ...rest }) => ({ ...rest, data: decode(json) as JsonObject })),
      }
    })
    return content
  }

  async snapshot({ seq, state }: LogSnapshot, { dropRecords = false }: SnapshotOptions = {}): Promise<void> {
    this.#check('snapshot')
    const kept = this.#orBreak(() => this.rules.encode(state))
    await this.#inTurn('snapshot', () => {
      const { records, snapshot } = this.#state
      const { checkSnapshot, isDropped, lastSeq } = this.rules
      checkSnapshot(seq, snapshot?.seq ?? 0, lastSeq(this.#state))
      return () => {
        this.#state.before = { records, snapshot }
        this.#state.snapshot = { seq, kept }
        this.#state.records = records.filter((record) => !isDropped(record.seq, seq, dropRecords))
      }
    })
  }

  async locate(seq: number): Promise<EntryLocation | undefined> {
    this.#check('locate')
    let place: EntryLocation | undefined
    await this.#inTurn('locate', () => {
      const { records, snapshot } = this.#state
      if (seq >= 1 && seq <= (snapshot?.seq ?? 0)) place = { file: 'snapshot', offset: 0 }
      else if (records.some((record) => record.seq === seq)) place = { file: 'log', offset: seq }
    })
    return place
  }

  async close(): Promise<void> {
    this.refuse(refusal('store-stopped', 'closed'))
    await this.rules.drain(this.#underWay)
    this.rules.onClosed(this.#state, this)
  }

  fence(error: BeamClawError): void {
    if (this.#broken === undefined || this.#broken.code !== 'fenced') this.#broken = error
  }

  refuse(error: BeamClawError): void {
    this.#broken ??= error
  }

  #check(method: Method): void {
    if (this.#broken !== undefined && this.rules.isBroken(method, this.#broken)) throw this.#broken
  }

  #orBreak<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (this.rules.breaks(error as BeamClawError)) this.#broken ??= error as BeamClawError
      throw error
    }
  }

  /** `work` returns the change to make durable, or nothing. */
  async #inTurn(method: Method, work: () => (() => void) | undefined | void): Promise<void> {
    const result = this.rules.logQueue(this.#underWay, method).then(async () => {
      const change = this.#orBreak(work)
      const apply = (): void => {
        if (this.#broken !== undefined && this.rules.isLate(this.#broken) && this.rules.isBroken(method, this.#broken)) throw this.#broken
        change?.()
      }
      if (change === undefined) apply()
      else await this.rules.write(apply)
    })
    this.#underWay = Promise.allSettled([this.#underWay, result])
    this.#onCall(result)
    await result
  }
}
