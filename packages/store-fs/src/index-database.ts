/** The file of the index of sessions: what one transaction does to it. Synchronous; each call is short, for none of them waits for the disk. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { SessionIndexEntry, TenantId } from '@beamclaw/core'
import type { CheckedIndexQuery, EncodedIndexEntry } from '@beamclaw/core/adapter'
import { type IndexRow, indexPage } from './index-page.ts'
import { completeMark, indexSchema, indexVersion } from './index-schema.ts'
import type { Sqlite } from './sqlite-module.ts'

/** The file cannot be trusted. */
export class IndexDamage extends Error {}

/** Rows that one step of `clear` removes. */
const clearedAtOnce = 50

/** Kilobytes of pages that are kept in memory. */
const cachedKilobytes = 16_384

export class IndexDatabase {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #tenants = new Map<TenantId, number>()

  /**
   * Opens or makes the file. SQLite syncs nothing and moves nothing out of its write-ahead log by itself: its owner does both. Throws `IndexDamage` for a file of
   * another version, and what SQLite throws.
   */
  constructor(sqlite: Sqlite, path: string) {
    this.#database = new sqlite.DatabaseSync(path)
    try {
      this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 0; PRAGMA secure_delete = ON;')
      this.#database.exec(`PRAGMA cache_size = -${cachedKilobytes};`)
      const version = this.#number('PRAGMA user_version', 'user_version')
      const tables = this.#number('SELECT count(*) AS count FROM sqlite_schema', 'count')
      if (version === 0 && tables === 0) this.transaction(() => this.#database.exec(indexSchema))
      else if (version !== indexVersion) throw new IndexDamage(`it has version ${version}, and this program knows version ${indexVersion}`)
      else if (tablesOf(this.#database) !== tablesMade(sqlite)) throw new IndexDamage('its tables are not those that this program makes')
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** All of `work` or nothing; durable once the write-ahead log is synced. */
  transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      // Tenants that were made in it are not there.
      this.#tenants.clear()
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  /** Copies what the write-ahead log has into the file. The log must be synced before, and the file after, before anything else is written. */
  checkpoint(): void {
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE)')
  }

  /** Empties a write-ahead log of which the file has everything, durably. */
  emptyLog(): void {
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  put(tenant: TenantId, { sessionKey, createdAt, updatedAt, label, owner, json }: EncodedIndexEntry): void {
    const sql = `INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET created = excluded.created, updated = excluded.updated,
      label = excluded.label, owner = excluded.owner, entry = excluded.entry`
    this.#prepared(sql).run(this.#made(tenant), sessionKey, -createdAt, -updatedAt, text(label), text(owner), sealed(json))
  }

  delete(tenant: TenantId, key: string): void {
    this.#prepared('DELETE FROM sessions WHERE tenant = ? AND key = ?').run(this.#idOf(tenant) ?? -1, key)
  }

  get(tenant: TenantId, key: string): SessionIndexEntry | undefined {
    const row = this.#prepared('SELECT key, entry FROM sessions WHERE tenant = ? AND key = ?').get(this.#idOf(tenant) ?? -1, key)
    return row === undefined ? undefined : entryOf(row as unknown as IndexRow)
  }

  /** Yields a page in steps. */
  *page(tenant: TenantId, query: CheckedIndexQuery): Generator<readonly SessionIndexEntry[]> {
    const id = this.#idOf(tenant)
    if (id === undefined) return
    for (const rows of indexPage(this.#database, id, query)) yield rows.map(entryOf)
  }

  /** Undefined for a tenant of which the file has nothing. */
  isComplete(tenant: TenantId): boolean | undefined {
    const row = this.#prepared('SELECT complete FROM tenants WHERE name = ?').get(JSON.stringify(tenant))
    return row === undefined ? undefined : row.complete === completeMark
  }

  complete(tenant: TenantId): void {
    this.#prepared('UPDATE tenants SET complete = ? WHERE id = ?').run(completeMark, this.#made(tenant))
  }

  /** Takes the mark away, and removes some entries. Returns true when none is left. */
  clear(tenant: TenantId): boolean {
    const id = this.#made(tenant)
    this.#prepared('UPDATE tenants SET complete = 0 WHERE id = ?').run(id)
    const sql = `DELETE FROM sessions WHERE tenant = ? AND key IN (SELECT key FROM sessions WHERE tenant = ? ORDER BY key LIMIT ${clearedAtOnce})`
    return Number(this.#prepared(sql).run(id, id).changes) < clearedAtOnce
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #idOf(tenant: TenantId): number | undefined {
    const known = this.#tenants.get(tenant)
    if (known !== undefined) return known
    const id = this.#prepared('SELECT id FROM tenants WHERE name = ?').get(JSON.stringify(tenant))?.id
    if (typeof id !== 'number') return undefined
    this.#tenants.set(tenant, id)
    return id
  }

  #made(tenant: TenantId): number {
    const known = this.#idOf(tenant)
    if (known !== undefined) return known
    return Number(this.#prepared('INSERT INTO tenants (name, complete) VALUES (?, 0)').run(JSON.stringify(tenant)).lastInsertRowid)
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  #number(sql: string, column: string): number {
    return Number(this.#database.prepare(sql).get()?.[column])
  }
}

/** Returns the statements that made the tables, which the file has as text: SQLite believes every letter of them, and no check compares them with anything. */
function tablesOf(database: DatabaseSync): string {
  return JSON.stringify(database.prepare('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name').all())
}

function tablesMade({ DatabaseSync }: Sqlite): string {
  const database = new DatabaseSync(':memory:')
  try {
    database.exec(indexSchema)
    return tablesOf(database)
  } finally {
    database.close()
  }
}

function text(value: string | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

const sumLength = 8

/** Returns the text with a checksum before it: SQLite believes every bit of a text. */
function sealed(json: string): string {
  return crc32(json).toString(16).padStart(sumLength, '0') + json
}

/** Throws `IndexDamage` for a row that does not hold the entry of its key as it was written. */
function entryOf({ key, entry }: IndexRow): SessionIndexEntry {
  const json = entry.slice(sumLength)
  try {
    if (sealed(json) !== entry) throw new IndexDamage('an entry in it has changed')
    const value = JSON.parse(json) as SessionIndexEntry
    if (value.sessionKey === key && typeof value.settings === 'object') return value
  } catch (error) {
    // Else it is not JSON.
    if (error instanceof IndexDamage) throw error
  }
  throw new IndexDamage('an entry in it cannot be read')
}
