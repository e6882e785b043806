/** Listens to one session for as long as it likes, over restarts and broken streams, and complains about what it should not have been told. */
import { BeamClawError, type RunEvent, type RunningBeamClaw } from '@beamclaw/core'
import type { DurableHistory } from './durable-history.ts'
import type { Trace } from './trace.ts'

/** The type of the event that tells of a record, where it is not the record's own. */
const eventTypes: Readonly<Record<string, string>> = {
  'message-in': 'message-accepted',
  'model-response': 'message',
  'tool-intent': 'tool-call',
  'tool-outcome': 'tool-result',
}

export interface SubscriberOptions {
  readonly name: string
  readonly session: string
  readonly fromSeq: number
  readonly trace: Trace
  readonly history: DurableHistory
}

export class Subscriber {
  readonly session: string
  readonly #options: SubscriberOptions
  #next: number
  #hasLeft = false

  constructor(options: SubscriberOptions) {
    this.session = options.session
    this.#options = options
    this.#next = options.fromSeq
  }

  get hasLeft(): boolean {
    return this.#hasLeft
  }

  /** The number of the record it has not heard of yet. */
  get nextSeq(): number {
    return this.#next
  }

  /** Ends with the next event. */
  leave(): void {
    this.#hasLeft = true
  }

  /** Listens until it has left or the stream ends or breaks; what it missed then is told to it the next time. @param signal ends it at once */
  async listen(running: RunningBeamClaw, signal?: AbortSignal): Promise<void> {
    const { name, session, trace } = this.#options
    try {
      for await (const event of running.session(session).subscribe(this.#next, signal === undefined ? {} : { signal })) {
        this.#hear(event)
        if (this.#hasLeft) return
      }
    } catch (error) {
      trace.add(`${name} lost its stream: ${String(error).slice(0, 80)}`)
      if (BeamClawError.isInstance(error, 'subscriber-lagged')) this.#skipTo(error.details.cursor)
    }
  }

  /** Called when events were dropped, with the cursor at which they continue. */
  #skipTo(cursor: unknown): void {
    const { name, session, trace, history } = this.#options
    const first = history.compactedTo(session) + 1
    if (typeof cursor === 'number' && cursor > this.#next && cursor <= first) this.#next = cursor
    else trace.fail('I7', `${name} of ${session} waits for ${this.#next}, and was told to go on from ${String(cursor)} instead of ${first}`)
  }

  #hear(event: RunEvent): void {
    if (!('seq' in event)) return
    const { name, session, trace, history } = this.#options
    const about = `${name} of ${session} was told of record ${event.seq} (${event.type})`
    const record = history.recordsOf(session)[event.seq - 1]
    if (record === undefined) trace.fail('I7', `${about}, which is not durable`)
    else if ((eventTypes[record.type] ?? record.type) !== event.type || record.data.runId !== event.runId)
      trace.fail('I7', `${about}, which is a ${record.type} of ${String(record.data.runId)}`)
    if (event.seq < this.#next) trace.fail('I7', `${about} when it waited for ${this.#next}`)
    if (event.seq > Math.max(this.#next, history.compactedTo(session) + 1)) trace.fail('I7', `${about}, but of none from ${this.#next} on`)
    this.#next = event.seq + 1
  }
}
