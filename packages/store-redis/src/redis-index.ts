/** The index of sessions: entries in a hash, and sorted sets by key, by times, and by last activity for each label and owner. */
import type { SessionIndex, SessionIndexEntry, SessionIndexQuery, SessionIndexStatus, SessionKey, TenantId } from '@beamclaw/core'
import { checkIndexKeys, checkIndexQuery, checkIndexTenant, type EncodedIndexEntry, encodeIndexEntries } from '@beamclaw/core/adapter'
import { groupsOf } from './index-groups.ts'
import { type IndexSource, readIndexPage } from './index-page.ts'
import { indexName } from './key-names.ts'
import { KeyedQueue } from './keyed-queue.ts'
import { toOrdered } from './ordered-text.ts'
import type { RedisReply } from './redis-client.ts'
import type { RedisLink } from './redis-link.ts'
import { commandScript, indexDeleteScript, indexPutScript } from './scripts.ts'

/** What the store does for its index. */
export interface IndexHost {
  readonly link: RedisLink
  readonly prefix: string
  readonly maxBytes: number
  /** Rejects when the server holds another store: called before something is said to be missing. */
  readonly confirm: () => Promise<void>
  /** Throws after the stop. */
  readonly checkOpen: () => void
  /** Runs work that a stop waits for. */
  readonly run: <T>(work: () => Promise<T>) => Promise<T>
}

const entriesAtOnce = 200
const charactersAtOnce = 4 * 1024 * 1024

/** I1: Calls for one tenant run one after the other, in call order. */
export class RedisIndex implements SessionIndex {
  readonly #host: IndexHost
  readonly #turns = new KeyedQueue()

  constructor(host: IndexHost) {
    this.#host = host
  }

  async put(tenant: TenantId, entries: readonly SessionIndexEntry[]): Promise<void> {
    const name = this.#nameOf(tenant)
    const encoded = encodeIndexEntries(entries, this.#host.maxBytes)
    await this.#inTurn(name, async () => {
      for (const args of putArguments(encoded)) await this.#host.link.script('writing the index', indexPutScript, [name], args)
    })
  }

  async delete(tenant: TenantId, keys: readonly SessionKey[]): Promise<void> {
    const name = this.#nameOf(tenant)
    const members = checkIndexKeys(keys).map(toOrdered)
    await this.#inTurn(name, () => this.#remove(name, members))
  }

  async get(tenant: TenantId, keys: readonly SessionKey[]): Promise<readonly SessionIndexEntry[]> {
    const name = this.#nameOf(tenant)
    const members = checkIndexKeys(keys).map(toOrdered)
    return await this.#inTurn(name, async () => {
      const found = await this.#source(name).entries(members)
      const entries = found.filter((entry) => entry !== undefined)
      if (entries.length === 0 && members.length > 0) await this.#host.confirm()
      return entries
    })
  }

  async page(tenant: TenantId, query: SessionIndexQuery): Promise<readonly SessionIndexEntry[]> {
    const name = this.#nameOf(tenant)
    const checked = checkIndexQuery(query)
    return await this.#inTurn(name, async () => {
      const entries = await readIndexPage(this.#source(name), checked)
      if (entries.length === 0) await this.#host.confirm()
      return entries
    })
  }

  async status(tenant: TenantId): Promise<SessionIndexStatus> {
    const name = this.#nameOf(tenant)
    return await this.#inTurn(name, async () => {
      if ((await this.#read('GET', `${name}:complete`)) !== null) return { isComplete: true }
      await this.#host.confirm()
      return { isComplete: false, reason: 'it was not filled from the journals yet' }
    })
  }

  async complete(tenant: TenantId): Promise<void> {
    const name = this.#nameOf(tenant)
    await this.#inTurn(name, () => this.#send('SET', [`${name}:complete`], '1'))
  }

  async clear(tenant: TenantId): Promise<void> {
    const name = this.#nameOf(tenant)
    await this.#inTurn(name, async () => {
      await this.#send('DEL', [`${name}:complete`])
      for (;;) {
        const members = (await this.#read('ZRANGE', `${name}:key`, '0', '999')) as readonly string[]
        if (members.length === 0) return
        await this.#remove(name, members)
      }
    })
  }

  async #remove(name: string, members: readonly string[]): Promise<void> {
    for (let at = 0; at < members.length; at += entriesAtOnce) {
      await this.#host.link.script('writing the index', indexDeleteScript, [name], members.slice(at, at + entriesAtOnce))
    }
  }

  #source(name: string): IndexSource {
    return {
      read: (...command) => this.#read(...command),
      setOf: (suffix) => `${name}:${suffix}`,
      entries: async (members) => {
        if (members.length === 0) return []
        const texts = (await this.#read('HMGET', `${name}:e`, ...members)) as readonly (string | null)[]
        return texts.map((text) => (text === null ? undefined : (JSON.parse(text) as SessionIndexEntry)))
      },
    }
  }

  #send(command: string, keys: readonly string[], ...words: readonly string[]): Promise<RedisReply> {
    return this.#host.link.script('using the index', commandScript, keys, [command, ...words])
  }

  #read(...command: readonly string[]): Promise<RedisReply> {
    return this.#host.link.read('reading the index', command)
  }

  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#host.run(() => this.#turns.run(name, work))
  }

  #nameOf(tenant: TenantId): string {
    this.#host.checkOpen()
    checkIndexTenant(tenant)
    return indexName(this.#host.prefix, tenant)
  }
}

/** Returns the arguments of the script in portions that hold the server up for a short time only. Scores are negated: the latest comes first. */
function putArguments(entries: readonly EncodedIndexEntry[]): string[][] {
  const portions: string[][] = []
  let size = Number.POSITIVE_INFINITY
  for (const entry of entries) {
    const isFull = size + entry.json.length > charactersAtOnce || (portions.at(-1)?.length ?? 0) >= entriesAtOnce * 5
    if (isFull) {
      portions.push([])
      size = 0
    }
    const { sessionKey, json, updatedAt, createdAt } = entry
    portions.at(-1)?.push(toOrdered(sessionKey), json, String(-updatedAt), String(-createdAt), groupsOf(entry).join(''))
    size += json.length
  }
  return portions
}
