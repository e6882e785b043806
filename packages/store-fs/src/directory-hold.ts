/** The lock of a data directory for a process that has no store in it. */
import { SystemClock } from '@beamclaw/core'
import { aFunction, checkOptions, integer } from '@beamclaw/core/adapter'
import { DirectoryLock } from './directory-lock.ts'
import { storeFailure } from './failures.ts'
import { aPath, fsStoreDefaults } from './options.ts'

/** Options of `lockDirectory`. */
export interface LockDirectoryOptions {
  /** The data directory; it is made when it is missing. */
  readonly path: string
  /** Milliseconds to wait for a process that has it. @default 0 */
  readonly waitMs?: number
  /** Called once when another process has taken the lock, because this one was suspended, or when its file was deleted. */
  readonly onLost?: () => void
}

/** A data directory that no other process can use. The process that ends frees it, in whatever way it ends. */
export interface HeldDirectory {
  /** Resolves with false once another process has it, or its lock file was deleted. */
  isHeld(): Promise<boolean>
  /** Frees it. */
  release(): Promise<void>
}

/**
 * Locks a data directory as a store does, without opening one. Rejects `store-locked`, with the pid of the process that has it, `invalid-option` and `store-io`.
 *
 * @example
 * const held = await lockDirectory({ path: './data' })
 * await held.release()
 */
export async function lockDirectory(options: LockDirectoryOptions): Promise<HeldDirectory> {
  checkOptions<LockDirectoryOptions>('lockDirectory', options, { path: aPath, waitMs: integer(0), onLost: aFunction }, ['path'])
  const { path, waitMs = 0, onLost = () => {} } = options
  try {
    const clock = new SystemClock()
    const lock = await DirectoryLock.acquire(path, { waitMs, clock, leaseMs: fsStoreDefaults.lockLeaseMs, onLost: () => onLost() })
    return { isHeld: () => lock.isHeld(), release: () => lock.release() }
  } catch (error) {
    throw storeFailure(error, `locking ${path}`)
  }
}
