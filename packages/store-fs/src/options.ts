/** The options of `FsStore`, their defaults and their rules. */
import { BeamClawError, type Clock } from '@beamclaw/core'
import type { FileSystem } from './file-system.ts'

/**
 * When an append is acknowledged: `always` after its own fsync; `batch` after an fsync that waits up to 5 ms for other appends (group
 * commit); `os` when the operating system has the bytes, which survive the death of the process but not of the machine.
 */
export type SyncMode = 'always' | 'batch' | 'os'

/** Options of `FsStore`. A value out of its rule throws `invalid-option` in the constructor. */
export interface FsStoreOptions {
  /** The data directory; created when it is missing. */
  readonly path: string
  /** When an append is acknowledged. @default 'always' */
  readonly sync?: SyncMode
  /** Largest document, record or snapshot as UTF-8 JSON, in bytes. @default 67108864 */
  readonly maxDocumentBytes?: number
  /** Maximum number of segment files that stay open. @default 256 */
  readonly maxOpenFiles?: number
  /** Accepts a data directory on NFS or SMB, where locks and syncs are unreliable. @default false */
  readonly allowNetworkFileSystem?: boolean
  /** Milliseconds to wait for another process that owns the data directory, before calls reject `store-locked`. @default 0 */
  readonly lockWaitMs?: number
  /**
   * Milliseconds without a heartbeat after which the lock of a process that cannot be inspected (in another container, or on another
   * machine) counts as stale. The heartbeat interval is a fifth of it. @default 15000
   */
  readonly lockLeaseMs?: number
  /** The operating system calls, replaced by tests that make them fail. @default nodeFileSystem */
  readonly fileSystem?: FileSystem
  /** Times the 5 ms of `batch`, and `lockWaitMs`. @default the machine's clock */
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

/** Throws `invalid-option` for the first option that is unknown, missing or against its rule. */
export function checkFsStoreOptions(options: FsStoreOptions): void {
  if (typeof options !== 'object' || options === null) throw invalidOption('options', 'an object', options)
  if (options.path === undefined) throw invalidOption('path', rules.path[0], undefined)
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name as keyof FsStoreOptions] : undefined
    if (rule === undefined) throw invalidOption(name, `absent (known options: ${Object.keys(rules).join(', ')})`, value)
    if (value !== undefined && !rule[1](value)) throw invalidOption(name, rule[0], value)
  }
}

/** Throws `invalid-option` unless `value` is a whole number from `minimum`, or undefined. */
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
