/** The lock file of a data directory: its owner, and that process's heartbeat. */
import { link, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from './failures.ts'
import { type LockOwner, parseOwner } from './lock-owner.ts'

// No part of a key starts with a dot.
const lockName = '.lock'

/** The lock file at one moment. `owner` is undefined for a text without an owner; `beat` changes with each heartbeat. */
export interface LockState {
  readonly owner: LockOwner | undefined
  readonly beat: bigint
}

/** Steps on the lock file. Another process may act between any two of them, so each step checks its own assumption atomically. */
export class LockFile {
  readonly path: string
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
    this.path = join(directory, lockName)
  }

  /** Returns the state of the file, or undefined when there is none. */
  async read(): Promise<LockState | undefined> {
    try {
      const { mtimeNs } = await stat(this.path, { bigint: true })
      return { owner: parseOwner(await readFile(this.path, 'utf8')), beat: mtimeNs }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Creates the file with its whole content in one step; returns false when one exists. */
  async create(owner: LockOwner): Promise<boolean> {
    const draft = this.#aside(owner.nonce, 'new')
    await writeFile(draft, `${JSON.stringify(owner)}\n`, { mode: 0o600, flush: true })
    try {
      await link(draft, this.path)
      return true
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false
      throw error
    } finally {
      await rm(draft, { force: true })
    }
  }

  /** Removes the file of a dead owner. If another process wrote a newer one first, that one stays. */
  async removeDead(dead: LockState, claimantNonce: string): Promise<void> {
    const aside = this.#aside(claimantNonce, 'old')
    try {
      await rename(this.path, aside)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return
      throw error
    }
    const taken = parseOwner(await readFile(aside, 'utf8'))
    if (taken?.nonce !== dead.owner?.nonce) {
      // A newer lock came in between: it goes back, unless yet another lock exists by now. Its owner notices that at its next heartbeat.
      await link(aside, this.path).catch((error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error
      })
    }
    await unlink(aside)
  }

  /** Renews the heartbeat. */
  async beat(now: Date): Promise<void> {
    await utimes(this.path, now, now)
  }

  /** Removes the file on behalf of its owner. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }

  #aside(nonce: string, what: 'new' | 'old'): string {
    return join(this.#directory, `${lockName}-${nonce}-${what}`)
  }
}
