/** Reads pages of the index of sessions, in steps that each look at a bounded number of rows. */
import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { CheckedIndexQuery } from '@beamclaw/core/adapter'

/** A row as it is stored. */
export interface IndexRow {
  readonly key: string
  readonly entry: string
}

/** Rows that a step looks at, where a filter has no index of its own. */
const mostLooked = 4_000

/** Larger than any character of a key. */
const last = '\u{10FFFF}'

interface Condition {
  readonly sql: string
  readonly values: readonly SQLInputValue[]
}

/** Yields the rows of a page; between two steps other work may go on. */
export function* indexPage(database: DatabaseSync, tenant: number, query: CheckedIndexQuery): Generator<readonly IndexRow[]> {
  const { sort, prefix, label, owner, after, limit } = query
  const column = sort === 'key' ? undefined : sort === 'updatedAt' ? 'updated' : 'created'
  // The plus keeps SQLite from choosing another index than the one that is named.
  const within: Condition = { sql: '+key >= ? AND +key < ?', values: [prefix, prefix + last] }
  const base: Condition = { sql: 'tenant = ?', values: [tenant] }
  const start = after === undefined ? [] : [placeAfter(column, after.at ?? 0, after.sessionKey)]
  if (column !== undefined && prefix !== '' && label === undefined && owner === undefined && isSmall(database, tenant, prefix)) {
    const conditions = [
      base,
      { ...within, sql: 'key >= ? AND key < ?' },
      ...start.map((one) => ({ ...one, sql: one.sql.replace('(', '(+') })),
    ]
    return yield select(database, '', conditions, `+${column}, +key`, limit)
  }
  const filter = owner !== undefined ? 'owner' : label !== undefined ? 'label' : undefined
  const equal = filter === undefined ? [base] : [base, { sql: `${filter} = ?`, values: [JSON.stringify(owner ?? label)] }]
  const table = filter === undefined && column === undefined ? '' : `INDEXED BY ${filter ?? 'all'}_${column ?? 'key'}`
  const order = column === undefined ? 'key' : `${column}, key`
  const rest: Condition[] = []
  if (owner !== undefined && label !== undefined) rest.push({ sql: 'label = ?', values: [JSON.stringify(label)] })
  if (column !== undefined && prefix !== '') rest.push(within)
  const range = column === undefined && prefix !== '' ? [{ sql: 'key >= ? AND key < ?', values: [prefix, prefix + last] }] : []
  if (rest.length === 0) return yield select(database, table, [...equal, ...range, ...start], order, limit)
  let found = 0
  for (let from = start; ; ) {
    const end = placeAt(database, table, [...equal, ...range, ...from], column, order)
    const upTo = end === undefined ? [] : [{ ...end, sql: end.sql.replace('>', '<=') }]
    const rows = select(database, table, [...equal, ...range, ...from, ...upTo, ...rest], order, limit - found)
    found += rows.length
    yield rows
    if (end === undefined || found >= limit) return
    from = [end]
  }
}

function placeAfter(column: string | undefined, at: number, key: string): Condition {
  return column === undefined ? { sql: 'key > ?', values: [key] } : { sql: `(${column}, key) > (?, ?)`, values: [-at, key] }
}

/** Returns the place of the last row of a step; undefined when there are fewer rows. */
function placeAt(
  database: DatabaseSync,
  table: string,
  conditions: readonly Condition[],
  column: string | undefined,
  order: string,
): Condition | undefined {
  const sql = `SELECT ${order} FROM sessions ${table} WHERE ${joined(conditions)} ORDER BY ${order} LIMIT 1 OFFSET ${mostLooked - 1}`
  const row = database.prepare(sql).get(...conditions.flatMap(({ values }) => values))
  return row === undefined ? undefined : placeAfter(column, column === undefined ? 0 : -Number(row[column]), String(row.key))
}

function select(database: DatabaseSync, table: string, conditions: readonly Condition[], order: string, limit: number): IndexRow[] {
  const sql = `SELECT key, entry FROM sessions ${table} WHERE ${joined(conditions)} ORDER BY ${order} LIMIT ?`
  return database.prepare(sql).all(...conditions.flatMap(({ values }) => values), limit) as unknown as IndexRow[]
}

/** True when so few keys begin with the prefix that all of them can be sorted. */
function isSmall(database: DatabaseSync, tenant: number, prefix: string): boolean {
  const sql = `SELECT count(*) AS count FROM (SELECT 1 FROM sessions WHERE tenant = ? AND key >= ? AND key < ? LIMIT ${mostLooked + 1})`
  return Number(database.prepare(sql).get(tenant, prefix, prefix + last)?.count) <= mostLooked
}

function joined(conditions: readonly Condition[]): string {
  return conditions.map(({ sql }) => sql).join(' AND ')
}
