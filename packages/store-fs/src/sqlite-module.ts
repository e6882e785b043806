/** Loads Node's own SQLite where the runtime has it, without the warning that it is experimental. */
import type { DatabaseSync } from 'node:sqlite'

/** The part of `node:sqlite` that the index uses. */
export interface Sqlite {
  readonly DatabaseSync: typeof DatabaseSync
}

/**
 * Returns `node:sqlite`; undefined where the runtime has none. Node prints an `ExperimentalWarning` when the module is first loaded. Users of a store can do
 * nothing about it, so it is held back: `emitWarning` is replaced for the time of the load, which is synchronous, so nothing else can warn meanwhile, and any
 * other warning of the load passes.
 */
export function loadSqlite(): Sqlite | undefined {
  const { emitWarning } = process
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]): void => {
    const isAboutSqlite = String(warning).startsWith('SQLite is an experimental feature') && rest[0] === 'ExperimentalWarning'
    if (!isAboutSqlite) Reflect.apply(emitWarning, process, [warning, ...rest])
  }) as typeof emitWarning
  try {
    return process.getBuiltinModule('node:sqlite')
  } catch {
    return undefined
  } finally {
    process.emitWarning = emitWarning
  }
}
