/** SHA-256 of files, remembered for as long as a file provably stays what it was. */
import { createHash } from 'node:crypto'
import { type BigIntStats, constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { commandRefused } from './command-error.ts'

const maxRemembered = 256
// A file that changes twice within one tick of the file system's clock keeps its time: only an older time is proof.
const settledNs = 2_000_000_000n

/** Owns a bounded memory of hashes by device, inode, size and times. The time of the last change of an inode cannot be set by a program. */
export class FileHashes {
  readonly #known = new Map<string, string>()

  /** Resolves with the hash of a regular file; rejects `command-refused` for anything else, and the system's error when it cannot be read. */
  async hash(path: string): Promise<string> {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const before = await file.stat({ bigint: true })
      if (!before.isFile()) throw commandRefused(`${JSON.stringify(path)} is not a regular file`)
      const key = keyOf(before)
      const known = this.#known.get(key)
      if (known !== undefined) return known
      const hash = createHash('sha256')
      for await (const piece of file.createReadStream({ autoClose: false, highWaterMark: 1024 * 1024 })) hash.update(piece as Uint8Array)
      const digest = hash.digest('hex')
      if (keyOf(await file.stat({ bigint: true })) !== key) throw commandRefused(`${JSON.stringify(path)} is being written to`)
      if (BigInt(Date.now()) * 1_000_000n - before.ctimeNs > settledNs) this.#remember(key, digest)
      return digest
    } finally {
      await file.close()
    }
  }

  /** Returns the hash of the file with these facts when it is known. */
  known(facts: BigIntStats): string | undefined {
    return this.#known.get(keyOf(facts))
  }

  #remember(key: string, digest: string): void {
    this.#known.set(key, digest)
    const oldest = this.#known.keys().next().value
    if (this.#known.size > maxRemembered && oldest !== undefined) this.#known.delete(oldest)
  }
}

function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`
}
