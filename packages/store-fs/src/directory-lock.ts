/** The lock of a data directory: one process owns it. A first line of defence; the integrity of logs rests on sealed segments. */
import { randomUUID } from 'node:crypto'
import { mkdir, realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BeamClawError, type Clock } from '@beamclaw/core'
import { syncDirectory } from './atomic-write.ts'
import { systemCode } from './failures.ts'
import { nodeFileSystem } from './file-system.ts'
import { LockFile, type LockState } from './lock-file.ts'
import { judgeOwner, type LockOwner } from './lock-owner.ts'
import { claimSocket, releaseSocket, type SocketClaim } from './lock-socket.ts'
import { pidNamespace, processFacts } from './process-facts.ts'

export interface LockOptions {
  /** Milliseconds to wait for a live owner to leave. */
  readonly waitMs: number
  /** Times the wait. The heartbeat uses the machine's time, because other processes compare it. */
  readonly clock: Pick<Clock, 'setTimer'>
  /** Milliseconds without a heartbeat after which an owner in another container or on another machine counts as dead. */
  readonly leaseMs: number
  /** Called once when another process took the lock, or its file was deleted. */
  readonly onLost: (problem: 'taken' | 'deleted') => void
}

// Interval between two tries of a process that waits for the lock.
const pollMs = 200
// The longest delay of a Node timer, about 24 days.
const longestTimerMs = 2_147_483_647
// Heartbeats in a lease: up to four may be late before another process takes the lock.
const beatsPerLease = 5
// Reads of the lock file in one confirmation: where each takes half a lease, the file system is too slow to prove anything.
const longestConfirmation = 5

/**
 * Phases: `held → lost | released`. Owns the heartbeat timer and the claim of the socket name; the lock file belongs to the process whose
 * nonce is in it.
 *
 * - I1: at most one lock file with one nonce exists. A lock that finds another nonce there is lost, and calls `onLost` once.
 * - I2: the heartbeat runs exactly while the phase is `held`, and does not keep the process alive.
 * - I3: when the last heartbeat is older than half a lease, `confirm` reads the lock file before it resolves, and a loss has called `onLost`
 *   by then. A file system error proves nothing and counts as held.
 * - I4: a heartbeat is as old as the moment before its read began: this process may be suspended between the read and what follows it.
 */
export class DirectoryLock {
  readonly #file: LockFile
  readonly #nonce: string
  readonly #claim: SocketClaim
  readonly #options: LockOptions
  /** True when no earlier owner can still be running: it left in order, or its death is proven. */
  readonly isAlone: boolean
  readonly #timer: NodeJS.Timeout
  #phase: 'held' | 'lost' | 'released' = 'held'
  #lastBeat = performance.now()
  #missed = 0

  private constructor(file: LockFile, nonce: string, claim: SocketClaim, options: LockOptions, isAlone: boolean) {
    this.#file = file
    this.#nonce = nonce
    this.#claim = claim
    this.#options = options
    this.isAlone = isAlone
    this.#timer = setInterval(() => void this.#beat(), Math.ceil(options.leaseMs / beatsPerLease)).unref()
  }

  /**
   * Creates the directory when it is missing, and locks it. Rejects `store-locked`, with the owner's pid, when its owner is alive and does
   * not leave within `waitMs`.
   */
  static async acquire(path: string, options: LockOptions): Promise<DirectoryLock> {
    const made = await makeDirectories(resolve(path))
    const directory = await realpath(path)
    if (made !== undefined) await syncNames(directory, await realpath(made))
    const file = new LockFile(directory)
    const { clock, waitMs } = options
    let isLastTry = waitMs === 0
    const giveUp = (): void => {
      isLastTry = true
    }
    const deadline = isLastTry ? undefined : clock.setTimer(giveUp, Math.min(waitMs, longestTimerMs))
    try {
      for (;;) {
        const wasLastTry = isLastTry
        const lock = await tryLock(directory, file, options)
        if (lock instanceof DirectoryLock) return lock
        if (wasLastTry) throw locked(directory, file, lock.owner, waitMs)
        await new Promise<void>((resolve) => clock.setTimer(resolve, Math.min(pollMs, waitMs)))
      }
    } finally {
      deadline?.cancel()
    }
  }

  /** @internal */
  static held(file: LockFile, nonce: string, claim: SocketClaim, options: LockOptions, isAlone: boolean): DirectoryLock {
    return new DirectoryLock(file, nonce, claim, options, isAlone)
  }

  /** Returns false once the lock file is deleted or names another owner. */
  async isHeld(): Promise<boolean> {
    return (await this.#file.read())?.owner?.nonce === this.#nonce
  }

  /** Returns undefined while the last heartbeat is recent. Otherwise this process was suspended and may have lost the lock: reads the file again. */
  confirm(): Promise<void> | undefined {
    if (this.#phase === 'held' && this.#isRecent()) return undefined
    return this.#confirmAnew()
  }

  /** Removes the lock file and frees the socket name, so that the next process can lock the directory. */
  async release(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#phase === 'held' && (await this.isHeld())) await this.#file.remove()
    this.#phase = 'released'
    await releaseSocket(this.#claim)
  }

  #isRecent(): boolean {
    return performance.now() - this.#lastBeat < this.#options.leaseMs / 2
  }

  /** Reads the file until one read was quick enough to say something about now. */
  async #confirmAnew(): Promise<void> {
    for (let tries = 0; tries < longestConfirmation && this.#phase === 'held'; tries++) {
      const before = this.#lastBeat
      await this.#beat()
      // Without a newer heartbeat the file system failed, which proves nothing.
      if (this.#isRecent() || this.#lastBeat === before) return
    }
  }

  async #beat(): Promise<void> {
    if (this.#phase !== 'held') return
    const began = performance.now()
    let state: LockState | undefined
    try {
      state = await this.#file.read()
      if (state?.owner?.nonce === this.#nonce) await this.#file.beat(new Date())
    } catch {
      // A file system error says nothing about the lock; the next heartbeat tries again.
      return
    }
    if (this.#phase !== 'held') return
    if (state?.owner?.nonce === this.#nonce) {
      this.#lastBeat = began
      this.#missed = 0
      return
    }
    // A claimant that took the lock for stale may have moved the file for a moment.
    this.#missed++
    if (state === undefined && this.#missed < 2) return
    this.#phase = 'lost'
    clearInterval(this.#timer)
    // A new directory may get the inode of a deleted one, and with it the same socket name.
    void releaseSocket(this.#claim)
    this.#options.onLost(state === undefined ? 'deleted' : 'taken')
  }
}

/** Tries once; returns the lock, or the owner in the way. */
async function tryLock(
  directory: string,
  file: LockFile,
  options: LockOptions,
): Promise<DirectoryLock | { readonly owner: LockOwner | undefined }> {
  const claim = await claimSocket(directory)
  // The process that holds the socket may not have written its lock file yet.
  if (claim === 'taken') return { owner: (await file.read())?.owner }
  const nonce = randomUUID()
  try {
    const mine = await describeSelf(claim, nonce)
    const present = await file.read()
    // Without a file, its owner left in order, or the file was removed by hand.
    let isAlone = false
    if (present !== undefined) {
      const verdict = await judge(present, mine, file, options.leaseMs)
      if (verdict === 'alive') {
        await releaseSocket(claim)
        return { owner: present.owner }
      }
      isAlone = verdict === 'dead'
      await file.removeDead(present, nonce)
    }
    if (await file.create(mine)) return DirectoryLock.held(file, nonce, claim, options, isAlone)
  } catch (error) {
    await releaseSocket(claim)
    throw error
  }
  await releaseSocket(claim)
  return { owner: (await file.read())?.owner }
}

async function describeSelf(claim: SocketClaim, nonce: string): Promise<LockOwner> {
  const facts = await processFacts(process.pid)
  return {
    pid: process.pid,
    started: facts.state === 'running' ? facts.started : undefined,
    host: await pidNamespace(),
    socket: typeof claim === 'string' ? undefined : claim.socket,
    nonce,
  }
}

/** `silent`: nothing proves that the owner is dead, but it shows no heartbeat. */
async function judge({ owner, beat }: LockState, mine: LockOwner, file: LockFile, leaseMs: number): Promise<'alive' | 'dead' | 'silent'> {
  // A text without an owner was not written by a process that holds the lock.
  if (owner === undefined) return 'silent'
  const verdict = judgeOwner(owner, { host: mine.host, socket: mine.socket }, await processFacts(owner.pid))
  if (verdict !== 'unsure') return verdict
  return (await hasNoHeartbeat(file, beat, leaseMs)) ? 'silent' : 'alive'
}

/** Watches the lock file for a whole lease by this process's monotonic clock, because the clocks of two machines may disagree. */
async function hasNoHeartbeat(file: LockFile, beat: bigint, leaseMs: number): Promise<boolean> {
  const until = performance.now() + leaseMs
  while (performance.now() < until) {
    await sleep(Math.min(pollMs, leaseMs / beatsPerLease))
    const state = await file.read()
    if (state === undefined) return true
    if (state.beat !== beat) return false
  }
  return true
}

/**
 * Creates a directory and its missing parents; returns the outermost one created. Not `mkdir` with `recursive`, which never returns on a
 * file system that rejects new names with ENOENT, such as /proc.
 */
async function makeDirectories(path: string, mayMakeParent = true): Promise<string | undefined> {
  try {
    await mkdir(path, { mode: 0o700 })
    return path
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && (await stat(path)).isDirectory()) return undefined
    if (systemCode(error) === 'EEXIST')
      throw Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR', syscall: 'mkdir' })
    if (systemCode(error) !== 'ENOENT' || !mayMakeParent || dirname(path) === path) throw error
    const made = await makeDirectories(dirname(path))
    return (await makeDirectories(path, false)) === undefined ? made : (made ?? path)
  }
}

/** Syncs the parents of new directories, from the innermost to the outermost. */
async function syncNames(innermost: string, outermost: string): Promise<void> {
  for (let path = innermost; ; path = dirname(path)) {
    await syncDirectory(nodeFileSystem, dirname(path))
    if (path === outermost || path === dirname(path)) return
  }
}

function locked(directory: string, file: LockFile, owner: LockOwner | undefined, waitMs: number): BeamClawError {
  const who = owner === undefined ? 'another process' : `process ${owner.pid}`
  const problem = `${directory} is in use by ${who}; only one process may own a data directory`
  const waited = waitMs > 0 ? `. It was still running after ${waitMs} ms` : ''
  return new BeamClawError(
    'store-locked',
    `${problem}. Stop that process, use another directory, or wait for it (lockWaitMs, --lock-wait)${waited}`,
    {
      details: { directory, pid: owner?.pid, lockFile: file.path },
    },
  )
}
