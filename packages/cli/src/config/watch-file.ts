/** Watches a file, also when an editor replaces it. */
import { realpathSync, watch } from 'node:fs'
import { dirname } from 'node:path'

/** Milliseconds of debounce: editors write in several steps. */
const quietMs = 100

/**
 * Calls `onChange` after events around the file, debounced. Returns a function that stops watching. Throws when the system cannot watch.
 */
export function watchFile(path: string, onChange: () => void, onError: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const heard = (): void => {
    clearTimeout(timer)
    timer = setTimeout(onChange, quietMs)
    timer.unref()
  }
  // Watches directories, because a watcher of a file ends when the file is replaced; for a symbolic link those of both its ends.
  const directories = new Set([dirname(path), dirname(realpathSync(path))])
  const watchers = [...directories].map((directory) => watch(directory, { persistent: false }, heard).on('error', onError))
  return () => {
    clearTimeout(timer)
    for (const watcher of watchers) watcher.close()
  }
}
