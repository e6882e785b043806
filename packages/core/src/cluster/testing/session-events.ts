/** Events of one session for tests of what runs between nodes. */
import type { Subscription } from '@beamclaw/actor'
import type { CommittedEvent, RunEvent, TextDeltaEvent } from '../../base/events.ts'
import { defaultTenant, parseRunId, parseSessionKey } from '../../base/ids.ts'
import { committedTopic, sessionLease } from '../../session/session-names.ts'

const sessionKey = parseSessionKey('agent:main:main')
export const topic = committedTopic(defaultTenant, sessionKey)
export const lease = sessionLease(defaultTenant, sessionKey)

const of = { sessionKey, runId: parseRunId('one') }

/** Returns the durable event with this number. */
export function durable(seq: number): CommittedEvent {
  return { type: 'model-request', ...of, seq, turn: 1, attempt: 1, model: 'a/b' }
}

/** Returns a piece of text. */
export function piece(text: string): TextDeltaEvent {
  return { type: 'text-delta', ...of, turn: 1, attempt: 1, text }
}

/** Reads a subscription: the numbers of durable events, and texts. */
export function collect(subscription: Subscription<RunEvent>): { readonly told: (number | string)[]; readonly ended: Promise<void> } {
  const told: (number | string)[] = []
  const ended = (async () => {
    for await (const event of subscription) {
      if ('seq' in event) told.push(event.seq)
      else if (event.type === 'text-delta' || event.type === 'thinking-delta') told.push(event.text)
    }
  })()
  return { told, ended }
}
