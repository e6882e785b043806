/** The calls of an index that wait for their turn, each done in steps. */
import type { IndexDatabase } from './index-database.ts'

/** Does a part of a call. Returns true when it was the last one. */
export type IndexStep = (database: IndexDatabase) => boolean

/** What a call does. */
export interface IndexWork {
  readonly isWrite: boolean
  /** Returns its first step: called again when the file was made anew. */
  readonly start: () => IndexStep
}

/** A call that waits. */
export interface IndexTask extends IndexWork {
  step: IndexStep
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Returns a write with a step for each item; for none, it waits for the writes before it. */
export function writing<T>(items: readonly T[], write: (database: IndexDatabase, item: T) => void): IndexWork {
  return {
    isWrite: true,
    start: () => {
      let next = 0
      return (database) => {
        const item = items[next]
        if (item !== undefined) write(database, item)
        next += 1
        return next >= items.length
      }
    },
  }
}

/** Returns a read that collects what `begin` yields, and hands all of it over at its end. */
export function reading<T>(begin: (database: IndexDatabase) => Iterator<readonly T[]>, onEnd: (found: readonly T[]) => void): IndexWork {
  return {
    isWrite: false,
    start: () => {
      let parts: Iterator<readonly T[]> | undefined
      const found: T[] = []
      return (database) => {
        parts ??= begin(database)
        const part = parts.next()
        if (part.done === true) onEnd(found)
        else for (const one of part.value) found.push(one)
        return part.done === true
      }
    },
  }
}
