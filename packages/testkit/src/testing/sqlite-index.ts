/** The index of the example store: a table of entries, and one of the tenants whose entries are complete. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { BeamClawError, type SessionIndex, type SessionIndexEntry, type TenantId } from '@beamclaw/core'
import { checkIndexKeys, checkIndexQuery, checkIndexTenant, encodeIndexEntries } from '@beamclaw/core/adapter'

const maxBytes = 64 * 1024 * 1024

// Times are negated, so that the latest comes first and a page goes on behind one place.
const schema = `
  CREATE TABLE IF NOT EXISTS sessions (tenant TEXT, key TEXT, createdAt REAL, updatedAt REAL, label TEXT, owner TEXT, entry TEXT NOT NULL,
    PRIMARY KEY (tenant, key)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS byUpdate ON sessions (tenant, updatedAt, key);
  CREATE INDEX IF NOT EXISTS byCreation ON sessions (tenant, createdAt, key);
  CREATE TABLE IF NOT EXISTS completed (tenant TEXT PRIMARY KEY);
`

/** Text that is exact for any string, also for halves of characters. */
const text = (value: string | undefined): string | null => (value === undefined ? null : JSON.stringify(value))

export function sqliteIndex(database: DatabaseSync): SessionIndex {
  database.exec(schema)
  const run = (sql: string, ...values: SQLInputValue[]): void => void database.prepare(sql).run(...values)
  const entries = (sql: string, ...values: SQLInputValue[]): SessionIndexEntry[] =>
    database
      .prepare(sql)
      .all(...values)
      .map(({ entry }) => JSON.parse(String(entry)) as SessionIndexEntry)
  const nameOf = (tenant: TenantId): string => {
    if (!database.isOpen) throw new BeamClawError('store-stopped', 'The store was stopped')
    checkIndexTenant(tenant)
    return JSON.stringify(tenant)
  }
  return {
    async put(tenant, given) {
      const name = nameOf(tenant)
      const rows = encodeIndexEntries(given, maxBytes)
      database.exec('BEGIN IMMEDIATE')
      for (const { sessionKey, createdAt, updatedAt, label, owner, json } of rows) {
        const sql = 'INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)'
        run(sql, name, sessionKey, -createdAt, -updatedAt, text(label), text(owner), json)
      }
      database.exec('COMMIT')
    },
    async delete(tenant, keys) {
      const name = nameOf(tenant)
      for (const key of checkIndexKeys(keys)) run('DELETE FROM sessions WHERE tenant = ? AND key = ?', name, key)
    },
    async get(tenant, keys) {
      const name = nameOf(tenant)
      return checkIndexKeys(keys).flatMap((key) => entries('SELECT entry FROM sessions WHERE tenant = ? AND key = ?', name, key))
    },
    async page(tenant, query) {
      const name = nameOf(tenant)
      const { sort, prefix, label, owner, after, limit } = checkIndexQuery(query)
      const time = sort === 'key' ? '0' : sort
      const conditions = ['tenant = ?', 'key >= ? AND key < ?']
      const values: SQLInputValue[] = [name, prefix, `${prefix}\u{10FFFF}`]
      const also = (condition: string, ...more: SQLInputValue[]): void => {
        conditions.push(condition)
        values.push(...more)
      }
      if (label !== undefined) also('label = ?', JSON.stringify(label))
      if (owner !== undefined) also('owner = ?', JSON.stringify(owner))
      if (after !== undefined) also(`(${time}, key) > (?, ?)`, sort === 'key' ? 0 : -(after.at ?? 0), after.sessionKey)
      const sql = `SELECT entry FROM sessions WHERE ${conditions.join(' AND ')} ORDER BY ${sort === 'key' ? '' : `${time},`} key LIMIT ?`
      return entries(sql, ...values, limit)
    },
    async status(tenant) {
      const name = nameOf(tenant)
      const found = database.prepare('SELECT 1 FROM completed WHERE tenant = ?').get(name)
      return found === undefined ? { isComplete: false, reason: 'it is new' } : { isComplete: true }
    },
    async complete(tenant) {
      run('INSERT OR IGNORE INTO completed VALUES (?)', nameOf(tenant))
    },
    async clear(tenant) {
      const name = nameOf(tenant)
      run('DELETE FROM completed WHERE tenant = ?', name)
      run('DELETE FROM sessions WHERE tenant = ?', name)
    },
  }
}
