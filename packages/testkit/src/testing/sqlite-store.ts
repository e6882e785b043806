/** An example of a store of one's own: documents and logs in tables of SQLite, which passes `storeContract()`. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import {
  type AppendLog,
  BeamClawError,
  type FencingToken,
  type JsonObject,
  type JsonValue,
  type ListOptions,
  type LogContents,
  type LogEntry,
  type LogPage,
  type LogSnapshot,
  type PutOptions,
  type ReadLogOptions,
  type SessionIndex,
  type SnapshotOptions,
  type Store,
  type StoreKey,
  type Versioned,
} from '@beamclaw/core'
import {
  checkFencingToken,
  checkSnapshotSeq,
  checkStoreKey,
  compareStoreKeys,
  encodeJson,
  encodeLogRecords,
  freshLogRecords,
  isBelowStoreKey,
  mayOpenLog,
  readLogOptions,
} from '@beamclaw/core/adapter'
import { SqliteBlobs } from './sqlite-blobs.ts'
import { sqliteIndex } from './sqlite-index.ts'

const maxBytes = 64 * 1024 * 1024

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS documents (key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS logs (key TEXT PRIMARY KEY, epoch INTEGER NOT NULL, nonce TEXT NOT NULL, owner TEXT NOT NULL,
    snapshotSeq INTEGER NOT NULL, snapshot TEXT);
  CREATE TABLE IF NOT EXISTS records (key TEXT, seq INTEGER, type TEXT NOT NULL, id TEXT NOT NULL, ts REAL NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (key, seq)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS blobs (owner TEXT, id TEXT, bytes BLOB NOT NULL, PRIMARY KEY (owner, id));
`

type Row = Readonly<Record<string, SQLInputValue>>

export class SqliteStore implements Store {
  readonly blobs: SqliteBlobs
  readonly index: SessionIndex
  readonly #database: DatabaseSync
  readonly #logs = new Set<SqliteLog>()

  /** @param path a file, or `:memory:` */
  constructor(path: string) {
    this.#database = new DatabaseSync(path)
    this.#database.exec(schema)
    this.blobs = new SqliteBlobs(this.#database, (owner) => this.#check(owner))
    this.index = sqliteIndex(this.#database)
  }

  async get(key: StoreKey): Promise<Versioned<JsonValue> | undefined> {
    this.#check(key)
    const row = this.#one('SELECT value, version FROM documents WHERE key = ?', nameOf(key))
    return row && { value: JSON.parse(String(row.value)) as JsonValue, version: Number(row.version) }
  }

  async put(key: StoreKey, value: JsonValue, { expectedVersion }: PutOptions = {}): Promise<number> {
    this.#check(key)
    checkWhole('expectedVersion', expectedVersion, 0)
    const json = encodeJson(value, maxBytes)
    return this.#transaction(() => {
      const version = this.#checkVersion(key, expectedVersion) + 1
      const sql = 'INSERT INTO documents VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value, version = excluded.version'
      this.#run(sql, nameOf(key), json, version)
      return version
    })
  }

  async delete(key: StoreKey, { expectedVersion }: PutOptions = {}): Promise<boolean> {
    this.#check(key)
    checkWhole('expectedVersion', expectedVersion, 0)
    return this.#transaction(() => {
      if (expectedVersion !== undefined) this.#checkVersion(key, expectedVersion)
      const deleted = ['documents', 'logs'].map((table) => this.#run(`DELETE FROM ${table} WHERE key = ?`, nameOf(key)))
      this.#run('DELETE FROM records WHERE key = ?', nameOf(key))
      return deleted.some((count) => count > 0)
    })
  }

  async list(prefix: StoreKey, { after, limit = 1_000 }: ListOptions = {}): Promise<readonly StoreKey[]> {
    this.#checkOpen()
    checkStoreKey(prefix, 0)
    checkWhole('limit', limit, 1)
    // Good enough for an example: a store for many keys would let the database find them by range.
    const rows = this.#all('SELECT key FROM documents UNION SELECT key FROM logs')
    const keys = rows.map(({ key }) => JSON.parse(String(key)) as StoreKey)
    const found = keys.filter((key) => isBelowStoreKey(key, prefix) && (after === undefined || compareStoreKeys(key, after) > 0))
    return found.sort(compareStoreKeys).slice(0, limit)
  }

  async openLog(key: StoreKey, token: FencingToken): Promise<AppendLog> {
    this.#check(key)
    checkFencingToken(token)
    const owner = crypto.randomUUID()
    this.#transaction(() => {
      const known = this.#one('SELECT epoch, nonce FROM logs WHERE key = ?', nameOf(key))
      const recorded = known && { epoch: Number(known.epoch), nonce: String(known.nonce) }
      if (recorded && !mayOpenLog(recorded, token)) throw fenced(recorded.epoch)
      const sql = `INSERT INTO logs VALUES (?, ?, ?, ?, 0, NULL)
        ON CONFLICT DO UPDATE SET epoch = excluded.epoch, nonce = excluded.nonce, owner = excluded.owner`
      this.#run(sql, nameOf(key), token.epoch, token.nonce, owner)
    })
    const log = new SqliteLog(this.#database, nameOf(key), owner)
    this.#logs.add(log)
    return log
  }

  async readLog(key: StoreKey, options: ReadLogOptions = {}): Promise<LogPage | undefined> {
    this.#check(key)
    const { fromSeq, limit } = readLogOptions(options)
    const name = nameOf(key)
    const sql = `SELECT snapshotSeq, (SELECT min(seq) FROM records WHERE key = ?1) AS first, (SELECT max(seq) FROM records WHERE key = ?1) AS last
      FROM logs WHERE key = ?1`
    const log = this.#one(sql, name)
    if (log === undefined) return undefined
    const lastSeq = Number(log.last ?? log.snapshotSeq)
    const page = this.#database.prepare('SELECT seq, type, id, ts, data FROM records WHERE key = ? AND seq >= ? ORDER BY seq LIMIT ?')
    const records = page.all(name, fromSeq, limit).map((row) => recordOf(row as Row))
    return { records, firstSeq: Number(log.first ?? lastSeq + 1), lastSeq }
  }

  async deleteLog(key: StoreKey, token: FencingToken): Promise<boolean> {
    this.#check(key)
    checkFencingToken(token)
    return this.#transaction(() => {
      const known = this.#one('SELECT epoch, nonce FROM logs WHERE key = ?', nameOf(key))
      if (known === undefined) return false
      const recorded = { epoch: Number(known.epoch), nonce: String(known.nonce) }
      if (!mayOpenLog(recorded, token)) throw fenced(recorded.epoch)
      this.#run('DELETE FROM records WHERE key = ?', nameOf(key))
      return this.#run('DELETE FROM logs WHERE key = ?', nameOf(key)) > 0
    })
  }

  async stop(): Promise<void> {
    for (const log of this.#logs) await log.close()
    if (this.#database.isOpen) this.#database.close()
  }

  #check(key: StoreKey): void {
    this.#checkOpen()
    checkStoreKey(key, 1)
  }

  #checkOpen(): void {
    if (!this.#database.isOpen) throw new BeamClawError('store-stopped', 'The store was stopped')
  }

  #checkVersion(key: StoreKey, expected: number | undefined): number {
    const current = Number(this.#one('SELECT version FROM documents WHERE key = ?', nameOf(key))?.version ?? 0)
    if (expected === undefined || expected === current) return current
    throw new BeamClawError('version-conflict', `The document has version ${current}, expected was ${expected}`)
  }

  #one(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#database.prepare(sql).get(...values) as Row | undefined
  }

  #all(sql: string): Row[] {
    return this.#database.prepare(sql).all() as Row[]
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes)
  }

  #transaction<T>(work: () => T): T {
    return transaction(this.#database, work)
  }
}

class SqliteLog implements AppendLog {
  readonly #database: DatabaseSync
  readonly #key: string
  readonly #owner: string
  #broken: BeamClawError | undefined

  constructor(database: DatabaseSync, key: string, owner: string) {
    this.#database = database
    this.#key = key
    this.#owner = owner
  }

  async append(records: readonly LogEntry[]): Promise<void> {
    const encoded = this.#accept(() => encodeLogRecords(records, maxBytes))
    this.#asOwner(() => {
      const select = this.#database.prepare('SELECT id FROM records WHERE key = ? AND seq = ?')
      const idOf = (seq: number): string | undefined => select.get(this.#key, seq)?.id as string | undefined
      const insert = this.#database.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)')
      for (const { seq, type, id, ts, json } of freshLogRecords(encoded, idOf, this.#lastSeq())) {
        insert.run(this.#key, seq, type, id, ts, json)
      }
    })
  }

  async read(fromSeq = 1): Promise<LogContents> {
    this.#accept(() => checkWhole('fromSeq', fromSeq, 0))
    return this.#asOwner(({ snapshot, snapshotSeq }) => {
      const sql = 'SELECT seq, type, id, ts, data FROM records WHERE key = ? AND seq >= ? ORDER BY seq'
      const rows = this.#database.prepare(sql).all(this.#key, Math.max(fromSeq, Number(snapshotSeq) + 1))
      return {
        snapshot: snapshot === null ? undefined : { seq: Number(snapshotSeq), state: JSON.parse(String(snapshot)) as JsonValue },
        records: rows.map((row) => recordOf(row as Row)),
      }
    })
  }

  async snapshot({ seq, state }: LogSnapshot, { dropRecords = false }: SnapshotOptions = {}): Promise<void> {
    const json = this.#accept(() => encodeJson(state, maxBytes))
    this.#asOwner(({ snapshotSeq }) => {
      checkSnapshotSeq(seq, Number(snapshotSeq), this.#lastSeq())
      this.#database.prepare('UPDATE logs SET snapshot = ?, snapshotSeq = ? WHERE key = ?').run(json, seq, this.#key)
      if (dropRecords) this.#database.prepare('DELETE FROM records WHERE key = ? AND seq <= ?').run(this.#key, seq)
    })
  }

  async close(): Promise<void> {
    this.#broken ??= new BeamClawError('store-stopped', 'The log handle was closed')
  }

  #accept<T>(work: () => T): T {
    if (this.#broken !== undefined) throw this.#broken
    return work()
  }

  /** Runs `work` in a transaction, unless a later owner opened the log: then it changes nothing. */
  #asOwner<T>(work: (log: Row) => T): T {
    return transaction(this.#database, () => {
      const log = this.#database.prepare('SELECT epoch, owner, snapshot, snapshotSeq FROM logs WHERE key = ?').get(this.#key) as
        | Row
        | undefined
      if (log?.owner === this.#owner) return work(log)
      this.#broken = fenced(log && Number(log.epoch))
      throw this.#broken
    })
  }

  #lastSeq(): number {
    const sql = 'SELECT max(ifnull((SELECT max(seq) FROM records WHERE key = ?1), 0), snapshotSeq) AS last FROM logs WHERE key = ?1'
    return Number(this.#database.prepare(sql).get(this.#key)?.last ?? 0)
  }
}

function recordOf({ seq, type, id, ts, data }: Row): LogEntry {
  return { seq: Number(seq), type: String(type), id: String(id), ts: Number(ts), data: JSON.parse(String(data)) as JsonObject }
}

/** All of `work` or nothing, and durable when it returns. What SQLite itself refuses is `store-io`. */
function transaction<T>(database: DatabaseSync, work: () => T): T {
  try {
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    }
  } catch (error) {
    throw BeamClawError.isInstance(error) ? error : new BeamClawError('store-io', 'The database failed', { cause: error })
  }
}

/** @param epoch of the later owner; undefined when the log was deleted */
function fenced(epoch: number | undefined): BeamClawError {
  const reason = epoch === undefined ? 'The log was deleted' : `A later owner opened the log with epoch ${epoch}`
  return new BeamClawError('fenced', reason, { details: { epoch } })
}

/** Throws `invalid-option` unless `value` is a whole number from `minimum`, or absent. */
function checkWhole(name: string, value: unknown, minimum: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= minimum)) return
  throw new BeamClawError('invalid-option', `"${name}" must be a whole number from ${minimum}, received ${String(value)}`)
}

function nameOf(key: StoreKey): string {
  return JSON.stringify(key)
}
