/** What all logs of a store share, so that an open log at rest holds next to nothing of its own. */
import type { DescriptorPool } from './descriptor-pool.ts'
import type { FileSystem } from './file-system.ts'
import type { FsLog } from './fs-log.ts'
import { LogDirectory } from './log-directory.ts'
import type { SyncMode } from './options.ts'
import type { Limiter } from './queues.ts'

export interface LogEnvironment {
  readonly fileSystem: FileSystem
  readonly pool: DescriptorPool
  readonly limiter: Limiter
  readonly sync: SyncMode
  readonly maxBytes: number
  /** Segments whose bytes from the given length on failed to reach the disk and must not be believed. */
  readonly suspects: Map<string, number>
  /** Resolves when appends that come together have had the time to. */
  readonly gather: () => Promise<void> | undefined
  readonly newTemporary: () => string
  /** Hears of a handle that was closed. */
  readonly onClosed: (log: FsLog) => void
}

/** The directory at `path` with the calls that the store makes. */
export function logDirectory({ fileSystem, newTemporary }: LogEnvironment, path: string): LogDirectory {
  return new LogDirectory(path, fileSystem, newTemporary)
}
