/** Lets a signal abort a run. The listener is removed when the run ends, because a signal may outlive many runs. */
import type { EventBus, Subscription } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
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
  let isAccepted = false
  let hasMissed = false
  const onGap = (): void => {
    hasMissed = true
    if (isAccepted) look()
  }
  // Subscribes before the message is sent, so that the end of the run is not missed.
  const subscription = events.subscribe(topic, { onGap })
  signal.addEventListener('abort', onAbort, { once: true })
  const forget = (): void => {
    signal.removeEventListener('abort', onAbort)
    subscription.stop().catch(() => {})
  }
  const look = (): void => void isOver(find).then((isEnd) => (isEnd ? forget() : undefined))
  try {
    const isReady = isReadyAtOnce(subscription)
    const sending = send()
    if (!(await isReady)) hasMissed = true
    const receipt = await sending
    if (receipt.ended !== undefined) forget()
    else {
      isAccepted = true
      untilOver(subscription, find).then(forget, forget)
      if (hasMissed) subscription.ready.then(look)
    }
    return receipt
  } catch (error) {
    forget()
    throw error
  }
}

/** Resolves in a microtask, before a run can end, with whether the subscription has taken hold. */
async function isReadyAtOnce({ ready }: Subscription<RunEvent>): Promise<boolean> {
  let isReady = false
  void ready.then(() => {
    isReady = true
  })
  await undefined
  return isReady
}

/** Resolves with whether the run has ended, as far as the session can say. */
async function isOver(find: SignalledRun['find']): Promise<boolean> {
  try {
    return (await find()).ended !== undefined
  } catch (error) {
    return BeamClawError.isInstance(error, 'unknown-run') || BeamClawError.isInstance(error, 'unknown-session')
  }
}

/** Resolves once the run has ended, also when it ended as part of another one. */
async function untilOver(events: AsyncIterable<RunEvent>, find: () => Promise<SendReceipt>): Promise<void> {
  for await (const { type } of events) {
    if (type === 'session-delete') return
    if (type === 'run-end' && (await find()).ended !== undefined) return
  }
}
