/** Documents, and the deletion of what a key holds. Every write compares what it read before, so that one that comes late changes nothing. */
import { randomUUID } from 'node:crypto'
import { BeamClawError, type FencingToken, type JsonValue, type StoreKey, type Versioned } from '@beamclaw/core'
import { mayOpenLog } from '@beamclaw/core/adapter'
import { fenced, logCorrupt, versionConflict } from './failures.ts'
import { keyNames, keySetName } from './key-names.ts'
import { orderedNames } from './ordered-text.ts'
import type { RedisLink } from './redis-link.ts'
import type { RedisLogs } from './redis-logs.ts'
import { deleteScript, putScript } from './scripts.ts'

const mostTries = 100

/** What is known of a document before it is written. */
interface WrittenDocument {
  /** 0 for none. */
  readonly version: number
  /** The id of its last write, empty for none. */
  readonly write: string
}

/** What the documents are made of. */
export interface DocumentsOptions {
  readonly link: RedisLink
  readonly prefix: string
  readonly logs: Pick<RedisLogs, 'ownerOf'>
  /** Rejects when the server holds another store: called before something is said to be missing, or of another owner or version. */
  readonly confirm: () => Promise<void>
}

/** Documents under a prefix. */
export class Documents {
  readonly #link: RedisLink
  readonly #prefix: string
  readonly #logs: Pick<RedisLogs, 'ownerOf'>
  readonly #confirm: () => Promise<void>

  constructor({ link, prefix, logs, confirm }: DocumentsOptions) {
    this.#link = link
    this.#prefix = prefix
    this.#logs = logs
    this.#confirm = confirm
  }

  async get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    const reply = await this.#link.read('reading a document', ['HMGET', keyNames(this.#prefix, key).document, 'v', 'd'])
    const [version, json] = reply as readonly (string | null)[]
    if (typeof json !== 'string') return await this.#confirmed(undefined)
    try {
      return { value: JSON.parse(json) as JsonValue, version: Number(version) }
    } catch (error) {
      throw logCorrupt(`the document ${JSON.stringify(key)} is not JSON`, error)
    }
  }

  async put(key: StoreKey, json: string, expectedVersion: number | undefined): Promise<number> {
    const { document } = keyNames(this.#prefix, key)
    return await this.#untilUnchanged(key, async () => {
      const { version, write } = await this.#read(key, expectedVersion)
      const args = [write, String(version + 1), json, randomUUID(), orderedNames(key)]
      const done = await this.#link.script('writing a document', putScript, [document, keySetName(this.#prefix, key[0])], args)
      return done === 1 ? version + 1 : undefined
    })
  }

  /** Resolves with true when there was a document or a log. */
  async delete(key: StoreKey, expectedVersion: number | undefined): Promise<boolean> {
    return await this.#untilUnchanged(key, async () => {
      const { version, write } = await this.#read(key, expectedVersion)
      const tag = (await this.#logs.ownerOf(key))?.tag
      if (tag === undefined && version === 0) return await this.#confirmed(false)
      return (await this.#remove(key, tag, write)) ? true : undefined
    })
  }

  /** Deletes the log alone, as its owner. Resolves with true when there was one. */
  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    return await this.#untilUnchanged(key, async () => {
      const owner = await this.#logs.ownerOf(key)
      if (owner === undefined) return await this.#confirmed(false)
      if (!mayOpenLog(owner, token)) throw await this.#confirmed(fenced(owner.epoch))
      return (await this.#remove(key, owner.tag, undefined)) ? true : undefined
    })
  }

  /** @param write that of the document, which stays when it is undefined. */
  async #remove(key: StoreKey, tag: string | undefined, write: string | undefined): Promise<boolean> {
    const { owner, list, snapshot, document } = keyNames(this.#prefix, key)
    const keys = [owner, list(tag ?? ''), snapshot, keySetName(this.#prefix, key[0]), document]
    const args = [tag ?? '', orderedNames(key), write ?? '', write === undefined ? '0' : '1']
    return (await this.#link.script('deleting', deleteScript, keys, args)) === 1
  }

  async #read(key: StoreKey, expectedVersion: number | undefined): Promise<WrittenDocument> {
    const { document } = keyNames(this.#prefix, key)
    const [version, write] = (await this.#link.read('reading a version', ['HMGET', document, 'v', 'w'])) as readonly (string | null)[]
    const current = Number(version ?? 0)
    if (expectedVersion !== undefined && expectedVersion !== current)
      throw await this.#confirmed(versionConflict(key, expectedVersion, current))
    return { version: current, write: write ?? '' }
  }

  async #confirmed<T>(result: T): Promise<T> {
    await this.#confirm()
    return result
  }

  /** Repeats an attempt while others write between its reading and its writing: each failure of one is the success of another. */
  async #untilUnchanged<T>(key: StoreKey, attempt: () => Promise<T | undefined>): Promise<T> {
    for (let tries = 0; tries < mostTries; tries++) {
      const result = await attempt()
      if (result !== undefined) return result
    }
    throw new BeamClawError('store-io', `Others write ${JSON.stringify(key)} all the time: gave up after ${mostTries} attempts`)
  }
}
