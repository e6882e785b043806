/** What all logs of a store share, so that an idle log needs little memory of its own. */
import type { DescriptorPool } from './descriptor-pool.ts'
import type { FileSystem } from './file-system.ts'
import { LogDirectory } from './log-directory.ts'
import type { SyncMode } from './options.ts'
import type { Limiter } from './queues.ts'

export interface LogEnvironment {
  readonly fileSystem: FileSystem
  readonly pool: DescriptorPool
  readonly limiter: Limiter
  readonly sync: SyncMode
  readonly maxBytes: number
  /** By path: the length from which on a segment's bytes are untrusted, because they failed to reach the disk. */
  readonly suspects: Map<string, number>
  /** Resolves after the time that appends get to join a group. */
  readonly gather: () => Promise<void> | undefined
  readonly newTemporary: () => string
  /** Called with a handle that was closed. */
  readonly onClosed: (log: { readonly directory: string }) => void
}

/** Returns the directory at `path` with the file system of the store. */
export function logDirectory({ fileSystem, newTemporary }: LogEnvironment, path: string): LogDirectory {
  return new LogDirectory(path, fileSystem, newTemporary)
}
