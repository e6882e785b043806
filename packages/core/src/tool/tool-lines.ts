/** Lets at most so many calls of a tool run at the same time; the others wait in a line, first come first served. */

interface Line {
  active: number
  readonly waiting: (() => void)[]
}

export class ToolLines {
  readonly #lines = new Map<string, Line>()

  /** Runs `call` once there is room. Rejects with the reason of the signal when it is aborted before. */
  async run<T>(name: string, concurrency: number, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(name) ?? { active: 0, waiting: [] }
    this.#lines.set(name, line)
    if (line.active >= concurrency) await this.#turn(line, signal)
    else line.active++
    try {
      return await call()
    } finally {
      // The place goes to the next in line.
      const next = line.waiting.shift()
      if (next !== undefined) next()
      else if (--line.active === 0) this.#lines.delete(name)
    }
  }

  #turn({ waiting }: Line, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        waiting.splice(waiting.indexOf(enter), 1)
        reject(signal.reason)
      }
      const enter = (): void => {
        signal.removeEventListener('abort', abort)
        resolve()
      }
      if (signal.aborted) return reject(signal.reason)
      waiting.push(enter)
      signal.addEventListener('abort', abort, { once: true })
    })
  }
}
