/** Tasks of one name run one after the other, tasks of different names at the same time. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  /** Resolves or rejects as `task` does, after all earlier tasks of that name have ended. */
  run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(name)
    const result = before === undefined ? task() : before.then(task)
    const tail = result.catch(() => undefined)
    this.#tails.set(name, tail)
    tail.then(() => {
      if (this.#tails.get(name) === tail) this.#tails.delete(name)
    })
    return result
  }
}
