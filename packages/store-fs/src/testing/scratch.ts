/** Directories and log environments for this package's own tests. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FencingToken } from '@beamclaw/core'
import { storeKey } from '@beamclaw/testkit'
import { DescriptorPool } from '../descriptor-pool.ts'
import { fenced } from '../failures.ts'
import { type FileSystem, nodeFileSystem } from '../file-system.ts'
import { FsLog } from '../fs-log.ts'
import type { LogDirectory } from '../log-directory.ts'
import { type LogEnvironment, logDirectory } from '../log-environment.ts'
import type { SyncMode } from '../options.ts'
import { Limiter } from '../queues.ts'

/** Creates a directory that is removed at the end of the block; in memory where syncing to a disk is not under test. */
export async function scratchDirectory(kind: 'disk' | 'memory' = 'disk'): Promise<{ readonly path: string } & AsyncDisposable> {
  const base = kind === 'memory' && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const path = await mkdtemp(join(base, 'beamclaw-fs-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The key of the log that most tests use; its path is below the data directory. */
export const logKey = storeKey('sessions', 'ops', 'main')
export const logPath = join('default', 'sessions', 'ops', 'main')

/** The state of one process for the log in `path`, sharing neither lock nor memory with other processes. */
export class LogProcess {
  readonly environment: LogEnvironment
  readonly #path: string

  constructor(path: string, { fileSystem = nodeFileSystem, sync = 'always' }: { fileSystem?: FileSystem; sync?: SyncMode } = {}) {
    let temporaries = 0
    const nonce = Math.random().toString(36).slice(2)
    this.#path = path
    this.environment = {
      fileSystem,
      pool: new DescriptorPool(fileSystem, 4),
      limiter: new Limiter(4),
      suspects: new Map(),
      sync,
      maxBytes: 1_000_000,
      gather: () => undefined,
      newTemporary: () => `.tmp-log-${nonce}-${++temporaries}`,
      onClosed: () => undefined,
    }
  }

  /** The files of the log. */
  get directory(): LogDirectory {
    return logDirectory(this.environment, this.#path)
  }

  async open(token: FencingToken = { epoch: 1, nonce: 'a' }): Promise<FsLog> {
    return await FsLog.open(this.environment, this.#path, logKey, token)
  }

  /** Releases a handle as the death of its process would, except for the open file. */
  async drop(log: FsLog): Promise<void> {
    await log.fence(fenced('the test dropped it'))
  }
}
