/** The logs of a store: opening, reading beside the owner, and what their handles use. */
import { randomUUID } from 'node:crypto'
import type { BeamClawError, FencingToken, JsonValue, LogEntry, LogPage, LogSnapshot, ReadLogOptions, StoreKey } from '@beamclaw/core'
import { mayOpenLog } from '@beamclaw/core/adapter'
import { AppendGroups } from './append-groups.ts'
import { fenced, logCorrupt, rewound } from './failures.ts'
import { keyNames, keySetName } from './key-names.ts'
import { baseOf, decodePart, encodeHeader, type ListPart } from './log-records.ts'
import { orderedNames } from './ordered-text.ts'
import type { RedisReply } from './redis-client.ts'
import type { RedisLink } from './redis-link.ts'
import { type LogHost, type OpenedLog, RedisLog, type SnapshotWrite } from './redis-log.ts'
import { appendScript, openScript, pageScript, snapshotScript } from './scripts.ts'

/** What the logs are made of. */
export interface RedisLogsOptions {
  readonly link: RedisLink
  readonly prefix: string
  readonly maxBytes: number
  /** Rejects when the server holds another store: called before a log is said to be missing, or another owner's. */
  readonly confirm: () => Promise<void>
  readonly onRewound: (error: BeamClawError) => void
}

const charactersOfPart = 256 * 1024
const recordsOfPart = 200
const charactersOfPage = 4 * 1024 * 1024
const mostTries = 100

/** Owns the open handles and the groups of their appends. */
export class RedisLogs implements LogHost {
  readonly maxBytes: number
  readonly groups: AppendGroups
  readonly onRewound: (error: BeamClawError) => void
  readonly #link: RedisLink
  readonly #prefix: string
  readonly #confirm: () => Promise<void>
  readonly #handles = new Set<RedisLog>()

  constructor({ link, prefix, maxBytes, confirm, onRewound }: RedisLogsOptions) {
    this.#link = link
    this.#prefix = prefix
    this.#confirm = confirm
    this.maxBytes = maxBytes
    this.onRewound = onRewound
    this.groups = new AppendGroups((lists, args) => link.script('appending records', appendScript, lists, args))
  }

  /** Takes the log over by giving its list a new name, which is the fence. A try that comes late finds another name than it read, and changes nothing. */
  async open(key: StoreKey, token: FencingToken): Promise<RedisLog> {
    const names = keyNames(this.#prefix, key)
    for (let tries = 0; tries < mostTries; tries++) {
      const owner = await this.ownerOf(key)
      if (owner !== undefined && !mayOpenLog(owner, token)) {
        await this.#confirm()
        throw fenced(owner.epoch)
      }
      const tag = `${token.epoch}.${randomUUID()}`
      const list = names.list(tag)
      const keys = [names.owner, owner === undefined ? list : names.list(owner.tag), list, keySetName(this.#prefix, key[0])]
      const args = [owner?.tag ?? '', String(token.epoch), JSON.stringify(token.nonce), tag, orderedNames(key), encodeHeader(0)]
      const reply = await this.#link.script('opening a log', openScript, keys, args)
      const [length, header, snapshotSeq] = reply as readonly [number, ...RedisReply[]]
      if (length === 0) continue
      if (length < 0) throw logCorrupt(`the records of the log ${JSON.stringify(key)} are gone, and its owner is not`)
      const base = baseOf(header)
      const opened: OpenedLog = { key, list, tag, epoch: token.epoch, base, lastSeq: base + length - 1, snapshotSeq: Number(snapshotSeq) }
      const handle = new RedisLog(this, opened)
      this.#handles.add(handle)
      return handle
    }
    throw fenced((await this.ownerOf(key))?.epoch)
  }

  /** Resolves with the token of the last opening, and the name that its list has; undefined when there is no log. */
  async ownerOf(key: StoreKey): Promise<(FencingToken & { readonly tag: string }) | undefined> {
    const { owner } = keyNames(this.#prefix, key)
    const reply = await this.#link.read('reading the owner of a log', ['HMGET', owner, 'e', 'n', 't'])
    const [epoch, nonce, tag] = reply as readonly (string | null)[]
    if (typeof tag !== 'string') return undefined
    return { epoch: Number(epoch), nonce: JSON.parse(String(nonce)) as string, tag }
  }

  async read(key: StoreKey, { fromSeq, limit }: Required<ReadLogOptions>): Promise<LogPage | undefined> {
    for (let tries = 0; tries < mostTries; tries++) {
      const owner = await this.ownerOf(key)
      if (owner === undefined) {
        await this.#confirm()
        return undefined
      }
      const page = await this.#page(keyNames(this.#prefix, key).list(owner.tag), fromSeq, limit)
      if (page !== undefined) return page
    }
    await this.#confirm()
    throw logCorrupt(`the records of the log ${JSON.stringify(key)} are gone, and its owner is not`)
  }

  async part(list: string, fromSeq: number, limit: number): Promise<ListPart | undefined> {
    const args = [String(fromSeq), String(limit), String(charactersOfPart)]
    return decodePart(await this.#link.readScript('reading records', pageScript, [list], args), fromSeq)
  }

  async readSnapshot({ key }: OpenedLog): Promise<LogSnapshot | undefined> {
    const text = await this.#link.read('reading a snapshot', ['GET', keyNames(this.#prefix, key).snapshot])
    if (typeof text !== 'string') return undefined
    const space = text.indexOf(' ')
    try {
      return { seq: Number(text.slice(0, space)), state: JSON.parse(text.slice(space + 1)) as JsonValue }
    } catch (error) {
      throw logCorrupt(`the snapshot of the log ${JSON.stringify(key)} is not JSON`, error)
    }
  }

  async writeSnapshot({ key, list }: OpenedLog, { seq, json, dropped, length, base }: SnapshotWrite): Promise<number> {
    const { owner, snapshot } = keyNames(this.#prefix, key)
    const args = [String(length), String(seq), json, String(dropped), encodeHeader(base)]
    return (await this.#link.script('writing a snapshot', snapshotScript, [list, owner, snapshot], args)) as number
  }

  async whyGone({ key, tag, epoch }: OpenedLog, lastSeq: number): Promise<BeamClawError> {
    await this.#confirm()
    const owner = await this.ownerOf(key)
    // Epochs never go back, so the server has.
    if (owner !== undefined && owner.epoch < epoch) {
      const page = await this.read(key, { fromSeq: lastSeq + 1, limit: 1 })
      const error = rewound(key, lastSeq, page?.lastSeq ?? 0)
      this.onRewound(error)
      return error
    }
    if (owner?.tag !== tag) return fenced(owner?.epoch)
    return logCorrupt(`the records of the log ${JSON.stringify(key)} are gone, and its owner is not`)
  }

  onEnded(log: RedisLog): void {
    this.#handles.delete(log)
  }

  /** Resolves once the appends under way are done and every handle is closed. */
  async stop(reason: BeamClawError): Promise<void> {
    await Promise.all([...this.#handles].map((handle) => handle.end(reason)))
  }

  /** Resolves with undefined when another owner has renamed the list before the first record was read. */
  async #page(list: string, fromSeq: number, limit: number): Promise<LogPage | undefined> {
    const first = await this.part(list, fromSeq, Math.min(limit, recordsOfPart))
    if (first === undefined) return undefined
    const { base, lastSeq } = first
    const records: LogEntry[] = [...first.records]
    let size = first.size
    let next = (records.at(-1)?.seq ?? lastSeq) + 1
    while (next <= lastSeq && records.length < limit && size < charactersOfPage) {
      const part = await this.part(list, next, Math.min(limit - records.length, recordsOfPart))
      // Renamed, or dropped as far as here: what was read is a page.
      if (part?.records[0]?.seq !== next) break
      records.push(...part.records)
      size += part.size
      next += part.records.length
    }
    return { records, firstSeq: base + 1, lastSeq: Math.max(lastSeq, next - 1) }
  }
}
