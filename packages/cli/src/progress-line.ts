/** One line on standard error that tells how far a command is, on a terminal only. */

/** Milliseconds between two looks at the progress. */
const progressMs = 200

export class ProgressLine {
  #shownAt = 0
  #isShown = false

  /** Shows what `text` returns, unless that was shown a moment ago. */
  show(text: () => string): void {
    const now = performance.now()
    if (process.stderr.isTTY !== true || now - this.#shownAt < progressMs) return
    this.#shownAt = now
    this.#isShown = true
    process.stderr.write(`\r\x1b[K${text()}`)
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\x1b[K')
    this.#isShown = false
  }
}
