/** Detects a failing disk by the errors of its syncs. */
import { isNoRoom } from './failures.ts'
import type { FileSystem } from './file-system.ts'

/**
 * Returns the same file system, watched: calls `onFailing` on the second error of a sync in a row. One error is retried in a fresh segment. Errors of a full disk
 * do not count. A record that was written durably ends a row; a sync of data in another file ends only a row of syncs.
 */
export function watchSyncs(fileSystem: FileSystem, onFailing: (cause: unknown) => void): FileSystem {
  const failed = new Set<'sync' | 'write'>()
  const watched = async <T>(kind: 'sync' | 'write', call: Promise<T>): Promise<T> => {
    const isSecondChance = failed.size > 0
    try {
      return await call
    } catch (error) {
      if (isNoRoom(error)) throw error
      failed.add(kind)
      if (isSecondChance) onFailing(error)
      throw error
    }
  }
  return {
    ...fileSystem,
    sync: (descriptor) => watched('sync', fileSystem.sync(descriptor)),
    datasync: async (descriptor) => {
      await watched('sync', fileSystem.datasync(descriptor))
      failed.delete('sync')
    },
    writeDurably: async (...args) => {
      const count = await watched('write', fileSystem.writeDurably(...args))
      failed.clear()
      return count
    },
  }
}
