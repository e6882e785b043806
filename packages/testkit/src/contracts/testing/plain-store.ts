/** A plain store in memory that is as correct as its rules. */
import type {
  AppendLog,
  FencingToken,
  JsonObject,
  JsonValue,
  ListOptions,
  LogPage,
  PutOptions,
  ReadLogOptions,
  SessionIndex,
  Store,
  StoreKey,
  Versioned,
} from '@beamclaw/core'
import { readLogOptions } from '@beamclaw/core/adapter'
import { PlainBlobs } from './plain-blobs.ts'
import { plainIndex } from './plain-index.ts'
import { PlainLog } from './plain-log.ts'
import { type PlainDisk, type PlainEntry, refusal, type StoreRules } from './store-rules.ts'

export class PlainStore implements Store {
  readonly blobs: PlainBlobs
  readonly index: SessionIndex
  readonly #rules: StoreRules
  readonly #disk: PlainDisk
  #underWay: Promise<unknown> = Promise.resolve()
  #isStopped = false

  constructor(rules: StoreRules, disk: PlainDisk) {
    this.#rules = rules
    this.#disk = disk
    this.blobs = new PlainBlobs(rules, disk, (owner) => this.#check('blobs', owner, 1))
    this.index = plainIndex(rules, disk, () => this.#isStopped)
  }

  async get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    this.#check('get', key, 1)
    const document = this.#disk.entries.get(this.#rules.nameOf(key))?.document
    return document && { value: this.#rules.decode(document.kept), version: document.version }
  }

  async put(key: StoreKey, value: JsonValue, { expectedVersion }: PutOptions = {}): Promise<number> {
    this.#check('put', key, 1)
    const { encode, checkWhole, beforeWrite, nextVersion, nameOf } = this.#rules
    checkWhole('expectedVersion', expectedVersion, 0)
    const kept = encode(value)
    const name = nameOf(key)
    const copy: StoreKey = [...key]
    return await this.#inTurn(async () => {
      const entry = this.#disk.entries.get(name)
      const current = this.#checkVersion(entry, expectedVersion)
      await beforeWrite()
      const version = nextVersion(current, this.#disk, name)
      if (entry === undefined) this.#disk.entries.set(name, { key: copy, document: { kept, version }, log: undefined })
      else entry.document = { kept, version }
      return version
    })
  }

  async delete(key: StoreKey, { expectedVersion }: PutOptions = {}): Promise<boolean> {
    this.#check('delete', key, 1)
    this.#rules.checkWhole('expectedVersion', expectedVersion, 0)
    const name = this.#rules.nameOf(key)
    return await this.#inTurn(async () => {
      const entry = this.#disk.entries.get(name)
      this.#checkVersion(entry, expectedVersion)
      if (entry === undefined || !this.#rules.isListed(entry)) return false
      if (entry.log?.owner !== undefined) this.#rules.fenceDeleted(entry.log.owner)
      this.#disk.deleted.set(name, { ...entry })
      this.#rules.remove(this.#disk, name, entry)
      return true
    })
  }

  async list(prefix: StoreKey, { after, limit }: ListOptions = {}): Promise<readonly StoreKey[]> {
    this.#check('list', prefix, 0)
    const { checkWhole, isBelow, isListed, isAfter, compareKeys, listedKey, page } = this.#rules
    checkWhole('limit', limit, 1)
    const entries = [...this.#disk.entries.values()].filter((entry) => isListed(entry) && isBelow(entry.key, prefix))
    const keys = entries.map(({ key }) => key).sort(compareKeys)
    const found = after === undefined ? keys : keys.filter((key) => isAfter(key, after, keys))
    return page(found, limit).map(listedKey)
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    this.#check('openLog', key, 1)
    const { checkToken, mayOpen, onRefused, onOpened, fenced, fence, nameOf, keptToken } = this.#rules
    checkToken(token)
    const name = nameOf(key)
    const entry = this.#disk.entries.get(name) ?? { key: [...key], document: undefined, log: undefined }
    const { log } = entry
    if (log !== undefined && !mayOpen(log.token, token)) {
      onRefused(log)
      throw fenced(log.token.epoch, 'open', token.epoch)
    }
    if (log?.owner !== undefined) fence(log.owner, token)
    const state = log ?? { token, owner: undefined, records: [], snapshot: undefined, before: undefined }
    if (log !== undefined) onOpened(log)
    state.token = keptToken(token)
    state.owner = new PlainLog(this.#rules, state, (call) => this.#note(call))
    entry.log = state
    this.#disk.entries.set(name, entry)
    return state.owner
  }

  async readLog(key: StoreKey, options?: ReadLogOptions): Promise<LogPage | undefined> {
    this.#check('readLog', key, 1)
    const { fromSeq, limit } = readLogOptions(options ?? {})
    const log = this.#disk.entries.get(this.#rules.nameOf(key))?.log
    if (log === undefined) return undefined
    const { decode, lastSeq, pageOf } = this.#rules
    const page = pageOf(log.records, fromSeq, limit)
    return {
      records: page.map(({ json, ...rest }) => ({ ...rest, data: decode(json) as JsonObject })),
      firstSeq: log.records[0]?.seq ?? lastSeq(log) + 1,
      lastSeq: lastSeq(log),
    }
  }

  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    this.#check('deleteLog', key, 1)
    const { checkToken, mayDelete, fenced, fenceDeleted, removeLog, nameOf } = this.#rules
    checkToken(token)
    const name = nameOf(key)
    return await this.#inTurn(async () => {
      const entry = this.#disk.entries.get(name)
      if (entry?.log === undefined) return false
      if (!mayDelete(entry.log.token, token)) throw fenced(entry.log.token.epoch, 'open', token.epoch)
      if (entry.log.owner !== undefined) fenceDeleted(entry.log.owner)
      removeLog(this.#disk, name, entry)
      if (this.#rules.areBlobsOfLog) this.#disk.blobs.delete(this.#rules.blobOwner(key))
      return true
    })
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    for (const { log } of this.#disk.entries.values()) log?.owner?.refuse(refusal('store-stopped', 'stopped'))
    await this.#rules.finish(this.#underWay)
  }

  #check(method: keyof Store, key: StoreKey, minNames: 0 | 1): void {
    if (this.#isStopped && this.#rules.isStopped(method)) throw refusal('store-stopped', 'stopped')
    this.#rules.checkKey(key, minNames)
  }

  #checkVersion(entry: PlainEntry | undefined, expected: number | undefined): number {
    const current = entry?.document?.version ?? 0
    if (expected !== undefined && !this.#rules.isExpected(expected, current, entry)) throw this.#rules.conflict(current)
    return current
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#rules.queue(this.#underWay).then(work)
    this.#note(result)
    return result
  }

  #note(call: Promise<unknown>): void {
    this.#underWay = Promise.allSettled([this.#underWay, call])
  }
}
