/** Whether a session was begun: it has a message, settings or an import that is durable. */

/** I1: While a command that may begin the session is under way, nobody can tell whether there is one. */
export class SessionBeginning {
  readonly #underWay = new Set<Promise<unknown>>()
  /** True once the session is known to have a record or settings. */
  isKnown = false

  /** True while a command that begins the session is under way: what it has stated may still be refused. */
  get isUnderWay(): boolean {
    return this.#underWay.size > 0
  }

  /** Returns the promise of a command that begins the session. */
  async track<T>(command: Promise<T>): Promise<T> {
    this.#underWay.add(command)
    try {
      return await command
    } finally {
      this.#underWay.delete(command)
    }
  }

  /** Resolves once the commands under way are over. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }
}
