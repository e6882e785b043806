/** The tables of the index of sessions. */

/** Version of the tables; another one in a file means that the file is made anew. */
export const indexVersion = 3

/** What `complete` of a tenant holds when its index is complete: SQLite tells 0 from 1 by one bit. */
export const completeMark = 0x5ea1_c0de

/**
 * Times are stored negated, so that the latest is first and a page goes on with one comparison of rows. Tenants, labels and owners are stored as JSON text,
 * which keeps any string exact, entries as their checksum and their JSON text. The indices of labels and owners hold only the sessions that have one.
 */
export const indexSchema = `
  CREATE TABLE tenants (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, complete INTEGER NOT NULL);
  CREATE TABLE sessions (tenant INTEGER NOT NULL, key TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL, label TEXT, owner TEXT,
    entry TEXT NOT NULL, PRIMARY KEY (tenant, key)) WITHOUT ROWID;
  CREATE INDEX all_updated ON sessions (tenant, updated, key);
  CREATE INDEX all_created ON sessions (tenant, created, key);
  CREATE INDEX owner_key ON sessions (tenant, owner, key) WHERE owner IS NOT NULL;
  CREATE INDEX owner_updated ON sessions (tenant, owner, updated, key) WHERE owner IS NOT NULL;
  CREATE INDEX owner_created ON sessions (tenant, owner, created, key) WHERE owner IS NOT NULL;
  CREATE INDEX label_key ON sessions (tenant, label, key) WHERE label IS NOT NULL;
  CREATE INDEX label_updated ON sessions (tenant, label, updated, key) WHERE label IS NOT NULL;
  CREATE INDEX label_created ON sessions (tenant, label, created, key) WHERE label IS NOT NULL;
  PRAGMA user_version = ${indexVersion};
`
