/** The lock file of a data directory: who holds it, and the heartbeat of that process. */
import { link, readFile, rename, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from './failures.ts'
import { type LockOwner, parseOwner } from './lock-owner.ts'

// No part of a key starts with a dot.
const lockName = '.lock'

/** What the file says at one moment. `owner` is undefined for a text that names nobody; `beat` changes with each heartbeat. */
export interface LockState {
  readonly owner: LockOwner | undefined
  readonly beat: bigint
}

/** Each call is one step that another process may come between; what it took for granted is checked by the step itself. */
export class LockFile {
  readonly path: string
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
    this.path = join(directory, lockName)
  }

  /** Returns what the file says, or undefined when there is none. */
  async read(): Promise<LockState | undefined> {
    try {
      const { mtimeNs } = await stat(this.path, { bigint: true })
      return { owner: parseOwner(await readFile(this.path, 'utf8')), beat: mtimeNs }
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Makes the file with its whole content at once; returns false when there is one already. */
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

  /** Removes the file of an owner that is dead, unless another process was faster: then what that one wrote stays. */
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
      // The lock of one who came in between: it goes back, unless somebody has a lock there by now. Then its owner finds that out.
      await link(aside, this.path).catch((error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error
      })
    }
    await unlink(aside)
  }

  /** Shows that the owner lives. */
  async beat(now: Date): Promise<void> {
    await utimes(this.path, now, now)
  }

  /** Removes the file at the owner's own wish. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }

  #aside(nonce: string, what: 'new' | 'old'): string {
    return join(this.#directory, `${lockName}-${nonce}-${what}`)
  }
}
