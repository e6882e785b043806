/** Tracks whether a session was begun: it has a durable message, settings or import. */

/** I1: While a command that may begin the session is active, it is undecided whether the session exists. */
export class SessionBeginning {
  readonly #underWay = new Set<Promise<unknown>>()
  /** True once the session is known to have a record or settings. */
  isKnown = false

  /** True while a command that begins the session is active: its staged entries may still be refused. */
  get isUnderWay(): boolean {
    return this.#underWay.size > 0
  }

  /** Tracks a command that begins the session, and returns its promise. */
  track<T>(command: Promise<T>): Promise<T> {
    const forget = (): void => void this.#underWay.delete(command)
    this.#underWay.add(command)
    command.then(forget, forget)
    return command
  }

  /** Resolves once the active commands have ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }
}
