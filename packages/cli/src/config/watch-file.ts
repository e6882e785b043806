/** Hears of changes to a file, also when an editor replaces it. */
import { realpathSync, watch } from 'node:fs'
import { dirname } from 'node:path'

/** Milliseconds of quiet after which a change counts: editors write in several steps. */
const quietMs = 100

/**
 * Calls `onChange` when something happened around the file and it is quiet again. Answers with a function that ends it. Throws when the system
 * refuses.
 */
export function watchFile(path: string, onChange: () => void, onError: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const heard = (): void => {
    clearTimeout(timer)
    timer = setTimeout(onChange, quietMs)
    timer.unref()
  }
  // Directories, since a file that is replaced by another one takes its watchers with it; and both ends of a symbolic link.
  const directories = new Set([dirname(path), dirname(realpathSync(path))])
  const watchers = [...directories].map((directory) => watch(directory, { persistent: false }, heard).on('error', onError))
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}
