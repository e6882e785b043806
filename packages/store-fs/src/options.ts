/** What `FsStore` can be told. */
import { BeamClawError, type Clock } from '@beamclaw/core'
import type { FileSystem } from './file-system.ts'

/**
 * When an append is acknowledged: `always` after its own sync, `batch` after a sync that waits up to 5 ms for company, `os` when the
 * operating system has it, which survives the death of the process and not that of the machine.
 */
export type SyncMode = 'always' | 'batch' | 'os'

export interface FsStoreOptions {
  /** The data directory; made when it is missing. */
  readonly path: string
  /** @default 'always' */
  readonly sync?: SyncMode
  /** Largest document, record or snapshot as UTF-8 JSON, in bytes. @default 67108864 */
  readonly maxDocumentBytes?: number
  /** Segment files that stay open at most. @default 256 */
  readonly maxOpenFiles?: number
  /** Accept a data directory on NFS or SMB, where neither locks nor syncs can be relied on. @default false */
  readonly allowNetworkFileSystem?: boolean
  /** Milliseconds to wait for another process that owns the data directory; then calls reject `store-locked`. @default 0 */
  readonly lockWaitMs?: number
  /**
   * Milliseconds without a heartbeat after which the lock of a process that cannot be looked at (in another container, or on another
   * machine) counts as left behind. The heartbeat comes five times as often. @default 15000
   */
  readonly lockLeaseMs?: number
  /** The calls to the operating system, for tests that make them fail. @default the real ones */
  readonly fileSystem?: FileSystem
  /** Times the 5 ms of `batch`, and `lockWaitMs`. @default the machine's */
  readonly clock?: Pick<Clock, 'setTimer'>
}

/** Defaults for `FsStoreOptions`. */
export const fsStoreDefaults = {
  sync: 'always',
  maxDocumentBytes: 64 * 1024 * 1024,
  maxOpenFiles: 256,
  allowNetworkFileSystem: false,
  lockWaitMs: 0,
  lockLeaseMs: 15_000,
} as const satisfies Required<Omit<FsStoreOptions, 'path' | 'fileSystem' | 'clock'>>

const rules: Readonly<Record<keyof FsStoreOptions, readonly [expected: string, isGood: (value: unknown) => boolean]>> = {
  path: ['a path of at least one character, without NUL', (value) => typeof value === 'string' && /^[^\0]+$/.test(value)],
  sync: ['one of "always", "batch", "os"', (value) => value === 'always' || value === 'batch' || value === 'os'],
  maxDocumentBytes: ['a whole number from 1', isCount],
  maxOpenFiles: ['a whole number from 1', isCount],
  allowNetworkFileSystem: ['true or false', (value) => typeof value === 'boolean'],
  lockWaitMs: ['a whole number from 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0],
  lockLeaseMs: ['a whole number from 100', (value) => Number.isSafeInteger(value) && (value as number) >= 100],
  fileSystem: ['an object', isObject],
  clock: ['an object', isObject],
}

/** Throws `invalid-option` for the first option that is unknown, missing or out of its rule. */
export function checkFsStoreOptions(options: FsStoreOptions): void {
  if (typeof options !== 'object' || options === null) throw invalidOption('options', 'an object', options)
  if (options.path === undefined) throw invalidOption('path', rules.path[0], undefined)
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name as keyof FsStoreOptions] : undefined
    if (rule === undefined) throw invalidOption(name, `left out; known are ${Object.keys(rules).join(', ')}`, value)
    if (value !== undefined && !rule[1](value)) throw invalidOption(name, rule[0], value)
  }
}

/** Throws `invalid-option` unless `value` is a whole number from `minimum`, or absent. */
export function checkCount(name: string, value: unknown, minimum: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= minimum)) return
  throw invalidOption(name, `a whole number from ${minimum}`, value)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

function invalidOption(option: string, expected: string, value: unknown): BeamClawError {
  const received = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value === null ? 'null' : `a ${typeof value}`
  const details = { owner: 'FsStore', option, expected, received }
  return new BeamClawError('invalid-option', `FsStore: option "${option}" must be ${expected}, received ${received}`, { details })
}
