/** What is on its way, so that a drain can wait for it. */
export class Arrivals {
  readonly #underWay = new Set<Promise<unknown>>()

  /** Returns the promise itself: a caller that hears of its message later could miss the first pieces of its answer. */
  take<T>(reply: Promise<T>): Promise<T> {
    const forget = (): void => void this.#underWay.delete(reply)
    this.#underWay.add(reply)
    reply.then(forget, forget)
    return reply
  }

  /** Resolves once all that is under way now has settled. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay)
  }
}
