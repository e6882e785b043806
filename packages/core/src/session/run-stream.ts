/** One run, as its sender sees it: events while it goes on, and a result. */
import { BeamClawError, type ErrorCode } from '../errors.ts'
import type { RunEndEvent, RunEvent } from '../events.ts'
import type { RunId } from '../ids.ts'
import { type AssistantMessage, textOf, type Usage } from '../messages.ts'
import type { Subscription } from '../ports/event-bus.ts'
import type { SendReceipt } from './session.ts'

/** What a run came to. */
export interface RunResult {
  readonly runId: RunId
  /** The model's last message. */
  readonly message: AssistantMessage
  /** Its text. */
  readonly text: string
  readonly usage: Usage
  readonly finish: RunEndEvent['finish']
}

/**
 * Iterate for the events of the run, or ask for its `result()`, or both. `accepted` resolves once the message is durable. All three reject
 * when it was not accepted; the iteration and the result also when the run failed.
 */
export class RunStream implements AsyncIterable<RunEvent> {
  readonly runId: RunId
  readonly accepted: Promise<SendReceipt>
  readonly #subscription: Subscription<RunEvent>
  #result: Promise<RunResult> | undefined

  constructor(runId: RunId, subscription: Subscription<RunEvent>, accepted: Promise<SendReceipt>) {
    this.runId = runId
    this.accepted = accepted
    this.#subscription = subscription
    accepted.catch(() => subscription.stop())
  }

  async *[Symbol.asyncIterator](): AsyncIterator<RunEvent> {
    await this.accepted
    for await (const event of this.#subscription) {
      if (event.runId !== this.runId) continue
      yield event
      if (event.type === 'run-end') return
    }
  }

  /** Reads the run to its end. */
  result(): Promise<RunResult> {
    this.#result ??= this.#read()
    return this.#result
  }

  async #read(): Promise<RunResult> {
    let message: AssistantMessage = { role: 'assistant', content: [] }
    for await (const event of this) {
      if (event.type === 'message') message = event.message
      if (event.type !== 'run-end') continue
      if (event.outcome === 'completed') {
        return { runId: this.runId, message, text: textOf(message), usage: event.usage, finish: event.finish }
      }
      throw new BeamClawError(
        (event.failure?.code as ErrorCode | undefined) ?? 'run-aborted',
        event.failure?.message ?? `The run was ${event.outcome}`,
      )
    }
    throw new BeamClawError('run-interrupted', 'The session stopped before the run ended; it goes on when the session is next awake')
  }
}
