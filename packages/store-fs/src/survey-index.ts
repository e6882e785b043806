/** Looks at the file of the index of sessions beside its owner, without changing anything. */
import { open, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isAbsent } from './atomic-write.ts'
import { storeFailure, systemCode } from './failures.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { isInTheWay } from './index-failures.ts'
import { completeMark, indexVersion } from './index-schema.ts'
import { compareStamp, stampPath } from './index-stamp.ts'
import { decodePart } from './key-path.ts'
import { loadSqlite } from './sqlite-module.ts'

/**
 * How the index of sessions is: `missing`; `incomplete`, for some tenant; `damaged`, or of another version; `complete`, as far as a look can say; `unknown`, where
 * a process has it open or has left changes beside it, and where the runtime has no SQLite.
 */
export type IndexCondition = 'missing' | 'incomplete' | 'damaged' | 'complete' | 'unknown'

const magic = 'SQLite format 3\0'

/** Files without a stamp are looked through whole up to this size; of larger ones, the marks alone. */
const mostChecked = 64 * 1024 * 1024

/**
 * Says how the index of sessions of a data directory is, from any process: without the lock, and without creating or changing a file. Rejects `store-io`.
 *
 * @example
 * if ((await surveyIndex('./data')) === 'damaged') console.log('it is made anew at the next start')
 */
export async function surveyIndex(path: string): Promise<IndexCondition> {
  return await surveyIndexOn(nodeFileSystem, path)
}

/** As `surveyIndex`; the file is compared with its stamp through `fileSystem`. */
export async function surveyIndexOn(fileSystem: FileSystem, path: string): Promise<IndexCondition> {
  const root = resolve(path)
  const file = join(root, 'index.sqlite')
  try {
    const size = (await stat(file)).size
    if (size > 0 && !(await hasMagic(file))) return 'damaged'
    if ((await sizeOf(`${file}-wal`)) > 0) return 'unknown'
    if (size === 0) return 'incomplete'
    const stamp = await compareStamp(fileSystem, file)
    // A stamp that has gone meanwhile says that a process is writing.
    if (stamp === 'changed') return (await sizeOf(stampPath(file))) < 0 ? 'unknown' : 'damaged'
    return conditionOf(file, stamp === 'none' && size <= mostChecked, await tenantsIn(root))
  } catch (error) {
    if (isAbsent(error)) return 'missing'
    // The next start makes it anew. That another user may not read it says nothing of it.
    if (isInTheWay(error) && !isForbidden(error)) return 'damaged'
    throw storeFailure(error, `looking at ${file}`)
  }
}

function conditionOf(file: string, isChecked: boolean, tenants: readonly string[]): IndexCondition {
  const sqlite = loadSqlite()
  if (sqlite === undefined) return 'unknown'
  try {
    const url = pathToFileURL(file)
    // The file is not being written: nothing is locked, and no file is made beside it.
    url.search = '?immutable=1'
    const database = new sqlite.DatabaseSync(url, { readOnly: true })
    try {
      if (database.prepare('PRAGMA user_version').get()?.user_version !== indexVersion) return 'damaged'
      if (isChecked && database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check !== 'ok') return 'damaged'
      const complete = new Set(
        database
          .prepare('SELECT name FROM tenants WHERE complete = ?')
          .all(completeMark)
          .map(({ name }) => name),
      )
      return tenants.every((tenant) => complete.has(JSON.stringify(tenant))) ? 'complete' : 'incomplete'
    } finally {
      database.close()
    }
  } catch {
    return 'damaged'
  }
}

function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes(systemCode(error) ?? '')
}

/** Resolves with the tenants that have sessions, as far as names of directories say. */
async function tenantsIn(root: string): Promise<readonly string[]> {
  const tenants: string[] = []
  for (const name of await readdir(root)) {
    const decoded = decodePart(name)
    if (decoded === undefined || decoded === 'hashed') continue
    if ((await sizeOf(join(root, name, 'sessions'))) >= 0) tenants.push(decoded.part)
  }
  return tenants
}

async function hasMagic(file: string): Promise<boolean> {
  const handle = await open(file, 'r')
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0)
    return buffer.toString('latin1', 0, bytesRead) === magic
  } finally {
    await handle.close()
  }
}

/** Resolves with -1 for a file that is not there. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isAbsent(error)) return -1
    throw error
  }
}
