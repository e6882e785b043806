/** One run for one reader: the text so far, then its events. */
import type { RunEvent } from '@beamclaw/core'

/** The text of a run before a reader came. */
export interface SaidSoFar {
  /** The text of this turn and the earlier ones. */
  readonly whole: string
  readonly turn: number
  /** The text of the turn under way. */
  readonly text: string
}

export interface RunListenerOptions {
  readonly runId: string
  readonly said: SaidSoFar | undefined
  /** The run that this one has joined. */
  readonly host: string | undefined
  /** Called to keep the run's text for later readers until the run ends, even when this reader has left. */
  readonly keep: () => void
  readonly onStop: (listener: RunListener) => void
}

export class RunListener implements AsyncIterable<RunEvent> {
  readonly said: SaidSoFar | undefined
  /** The run, and the run that it has joined. */
  readonly runs: Set<string>
  readonly keep: () => void
  readonly #onStop: RunListenerOptions['onStop']
  readonly #unread: RunEvent[] = []
  #isOver = false
  #wake: () => void = () => {}

  constructor({ runId, said, host, keep, onStop }: RunListenerOptions) {
    this.said = said
    this.runs = new Set(host === undefined ? [runId] : [runId, host])
    this.keep = keep
    this.#onStop = onStop
  }

  /** Adjacent unread text is merged, so that a slow reader costs no more memory than the answer. */
  hear(event: RunEvent): void {
    const last = this.#unread.at(-1)
    if (event.type === 'text-delta' && last?.type === 'text-delta' && last.turn === event.turn && last.attempt === event.attempt) {
      this.#unread[this.#unread.length - 1] = { ...last, text: last.text + event.text }
    } else this.#unread.push(event)
    this.#wake()
  }

  /** Called when there are no more events. */
  end(): void {
    this.#isOver = true
    this.#wake()
  }

  stop(): void {
    this.end()
    this.#onStop(this)
  }

  /** Ends with the run, or when the session cannot be read any more. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RunEvent> {
    for (;;) {
      const event = this.#unread.shift()
      if (event !== undefined) {
        yield event
        if (event.type === 'run-end') return
      } else if (this.#isOver) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
