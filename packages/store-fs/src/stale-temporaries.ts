/** Removes temporary files that a dead process left: once for each directory, before this process writes there. */
import { join } from 'node:path'
import { removeIfThere } from './atomic-write.ts'
import type { FileSystem } from './file-system.ts'

const prefix = '.tmp-doc-'
const mostRemembered = 10_000

export class StaleTemporaries {
  readonly #fileSystem: FileSystem
  readonly #own: string
  readonly #done = new Set<string>()

  /** @param name distinguishes this process's temporary files from those of others. */
  constructor(fileSystem: FileSystem, name: string) {
    this.#fileSystem = fileSystem
    this.#own = `${prefix}${name}-`
  }

  /** Returns the name of the `count`-th temporary file. */
  nameOf(count: number): string {
    return `${this.#own}${count}`
  }

  /** Never rejects: a failed clean-up is no reason to reject a write. */
  async removeFrom(directory: string): Promise<void> {
    if (this.#done.has(directory)) return
    if (this.#done.size >= mostRemembered) this.#done.clear()
    this.#done.add(directory)
    try {
      for (const { name, mayHoldEntries } of await this.#fileSystem.list(directory)) {
        if (mayHoldEntries || !name.startsWith(prefix) || name.startsWith(this.#own)) continue
        await removeIfThere(this.#fileSystem, join(directory, name))
      }
    } catch {
      this.#done.delete(directory)
    }
  }
}
