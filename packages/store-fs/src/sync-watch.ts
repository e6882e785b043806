/** Notices a disk that does not keep what it is given. */
import { isNoRoom } from './failures.ts'
import type { FileSystem } from './file-system.ts'

/**
 * The same file system. Calls `onFailing` when a sync fails that began after another one had failed, and no record was synced in between: the
 * second chance, in a new file, is lost too.
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
