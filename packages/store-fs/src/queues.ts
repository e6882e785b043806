/** Two limits on concurrency: one task at a time for each key, and a bounded number over all. */

/** Runs tasks of the same name one after the other, and tasks of different names concurrently. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Resolves or rejects as `task` does, after all earlier tasks of that name have ended. */
  run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const result = this.settled(name).then(task)
    const tail = result.catch(() => undefined)
    this.#tails.set(name, tail)
    tail.then(() => {
      if (this.#tails.get(name) === tail) this.#tails.delete(name)
    })
    return result
  }

  /** Resolves when the tasks of that name that are known now have ended, whether they resolved or rejected. */
  async settled(name: string): Promise<void> {
    await this.#tails.get(name)
  }
}

/** Runs at most `limit` tasks at once, in order of arrival. */
export class Limiter {
  readonly #limit: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#running += 1
    try {
      return await task()
    } finally {
      // The place passes directly to the next task, so that a new caller cannot overtake it.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running -= 1
      else next()
    }
  }
}
