/** Detects a failing disk by its fsync errors. */
import { isNoRoom } from './failures.ts'
import type { FileSystem } from './file-system.ts'

/**
 * Returns the same file system, watched: calls `onFailing` on the second fsync error in a row, without a successful data sync in between. One
 * error is retried in a fresh segment. Errors of a full disk do not count.
 */
export function watchSyncs(fileSystem: FileSystem, onFailing: (cause: unknown) => void): FileSystem {
  let hasFailed = false
  const watched = async (sync: Promise<void>): Promise<void> => {
    const isSecondChance = hasFailed
    try {
      await sync
    } catch (error) {
      if (isNoRoom(error)) throw error
      hasFailed = true
      if (isSecondChance) onFailing(error)
      throw error
    }
  }
  return {
    ...fileSystem,
    sync: (descriptor) => watched(fileSystem.sync(descriptor)),
    datasync: async (descriptor) => {
      await watched(fileSystem.datasync(descriptor))
      hasFailed = false
    },
  }
}
