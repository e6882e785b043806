/** What a split of a data directory is told, and what it tells. */
import type { BackupDamage, BackupProgress, FileSystem } from '@beamclaw/store-fs'

/** How far a split is. */
export interface SplitProgress extends BackupProgress {
  /** All bytes that there are to write. */
  readonly ofBytes: number
}

/** Options of `splitDataDirectory`. */
export interface SplitOptions {
  /** True to say what would be done, and do nothing: also while a process uses the directory. @default false */
  readonly dryRun?: boolean
  /** Called after each file and each log. An error that it throws ends the split, which rejects with it as it is. */
  readonly onProgress?: (progress: SplitProgress) => void
  /** Ends the split: the promise rejects with its reason, and the directory is as it was. Past the point of no return it has no effect. */
  readonly signal?: AbortSignal
  /** The operating system calls, replaced by tests that make them fail. @default nodeFileSystem */
  readonly fileSystem?: FileSystem
}

/** What a split has done, or would do. */
export interface SplitReport {
  /**
   * `planned`: nothing, it was a dry run. `split`: all of it. `finished`: what an earlier one had left to do when it was interrupted. `nothing`: the directory
   * was split before.
   */
  readonly outcome: 'planned' | 'split' | 'finished' | 'nothing'
  /** Logs, one for each session and more; before the split, only those that have a file of their own are counted. */
  readonly logs: number
  readonly documents: number
  readonly blobs: number
  /** Bytes of all that is copied. */
  readonly bytes: number
  /** Bytes that have to be free for the copy, and are. */
  readonly neededBytes: number
  readonly freeBytes: number
  /** Where the old layout is afterwards. */
  readonly oldLayout: string
  /** Names that no shard has, because the store does not give such: they stay in the old layout. At most 100 of them. */
  readonly leftOut: readonly string[]
  /** Damaged logs and documents, which are as damaged in the shards: at most 100 of them. */
  readonly damaged: readonly BackupDamage[]
  /** All of them. */
  readonly damagedFiles: number
}
