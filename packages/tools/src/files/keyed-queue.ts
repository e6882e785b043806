/** Work that waits for other work of the same key: of two edits of one file, the second sees what the first has written. */
export class KeyedQueue {
  // The last work of each key that has some.
  readonly #last = new Map<string, Promise<unknown>>()

  /** Resolves or rejects with what `work` does, once the earlier work of the key has ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const own = before.then(work)
    const ended = own.catch(() => undefined)
    this.#last.set(key, ended)
    try {
      return await own
    } finally {
      if (this.#last.get(key) === ended) this.#last.delete(key)
    }
  }
}
