/** Directories and processes for this package's own tests. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FencingToken, StoreKey } from '@beamclaw/core'
import { ManualClock } from '@beamclaw/core/testing'
import { storeKey } from '@beamclaw/testkit'
import { stopped } from '../failures.ts'
import type { FsLog } from '../fs-log.ts'
import { LogStore, type LogStoreOptions } from '../log-store.ts'
import { fsStoreDefaults } from '../options.ts'
import { strictFileSystem } from './strict-file-system.ts'

/** Creates a directory that is removed at the end of the block; in memory where syncing to a disk is not under test. */
export async function scratchDirectory(kind: 'disk' | 'memory' = 'disk'): Promise<{ readonly path: string } & AsyncDisposable> {
  const base = kind === 'memory' && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const path = await mkdtemp(join(base, 'beamclaw-fs-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 10 }) }
}

/** The key of the log that most tests use; its path is below the data directory. */
export const logKey = storeKey('sessions', 'ops', 'main')
const logPath = join('default', 'sessions', 'ops', 'main')

/** Where the own file of that log is. */
export const ownPath = `${logPath}.log.jsonl`

/** One process over a data directory, without its lock: it shares neither lock nor memory with other processes. */
export class LogProcess {
  readonly #options: LogStoreOptions
  #store: Promise<LogStore> | undefined

  constructor(root: string, options: Partial<LogStoreOptions> = {}) {
    const { fileSystem = strictFileSystem } = options
    this.#options = {
      root,
      fileSystem,
      quietFileSystem: fileSystem,
      sync: 'always',
      maxBytes: 1_000_000,
      maxOpenFiles: 16,
      walSegmentBytes: fsStoreDefaults.walSegmentBytes,
      walMaxBytes: fsStoreDefaults.walMaxBytes,
      clock: new ManualClock(),
      isAlone: true,
      ...options,
    }
  }

  /** The logs; the first call takes the directory over. */
  get logs(): Promise<LogStore> {
    this.#store ??= LogStore.open(this.#options)
    return this.#store
  }

  async open(token: FencingToken = { epoch: 1, nonce: 'a' }, key: StoreKey = logKey): Promise<FsLog> {
    return await (await this.logs).openLog(key, token)
  }

  /** Moves all lines to own files, and ends. */
  async stop(): Promise<void> {
    await (await this.logs).stop(stopped('the test stopped it'))
  }
}
