/** Lets a signal abort a run. The listener is removed when the run ends, because a signal may outlive many runs. */
import type { EventBus } from '@beamclaw/actor'
import type { RunEvent } from '../base/events.ts'
import type { SendReceipt } from './session-replies.ts'

export interface SignalledRun {
  readonly signal: AbortSignal
  readonly events: EventBus<RunEvent>
  /** The topic of the session's durable events. */
  readonly topic: string
  readonly send: () => Promise<SendReceipt>
  /** Returns the progress of the run. */
  readonly find: () => Promise<SendReceipt>
  readonly abort: () => Promise<unknown>
}

/** Sends the message; from then on the signal aborts its run. Rejects as `send` does. */
export async function sendWithSignal({ signal, events, topic, send, find, abort }: SignalledRun): Promise<SendReceipt> {
  const onAbort = (): void => void abort().catch(() => {})
  // Subscribes before the message is sent, so that the end of the run is not missed.
  const subscription = events.subscribe(topic)
  signal.addEventListener('abort', onAbort, { once: true })
  const forget = (): void => {
    signal.removeEventListener('abort', onAbort)
    subscription.stop().catch(() => {})
  }
  try {
    const receipt = await send()
    if (receipt.ended === undefined) untilOver(subscription, find).then(forget, forget)
    else forget()
    return receipt
  } catch (error) {
    forget()
    throw error
  }
}

/** Resolves once the run has ended, also when it ended as part of another one. */
async function untilOver(events: AsyncIterable<RunEvent>, find: () => Promise<SendReceipt>): Promise<void> {
  for await (const { type } of events) {
    if (type === 'session-delete') return
    if (type === 'run-end' && (await find()).ended !== undefined) return
  }
}
