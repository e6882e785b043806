/** The iteration of `subscribe`: it hears the bus from the call on, and lets go of it when no caller iterates. */
import type { Clock } from '@beamclaw/actor'
import type { RunEvent } from '../base/events.ts'
import type { SessionFeed } from './session-feed.ts'

/** Milliseconds after the call in which a caller may start to iterate and still get every piece of an answer. */
const graceMs = 1_000

/**
 * Returns the events of a feed. `open` subscribes to the bus, `read` starts the reading. The feed is open for a second; then it is closed until the first
 * `next`: what is durable comes from the journal, so only pieces of answers are missed. All iterators share one reading.
 */
export function lazyFeed(
  open: () => SessionFeed,
  read: (feed: SessionFeed) => AsyncGenerator<RunEvent>,
  clock: Clock,
): AsyncIterable<RunEvent> {
  let early: SessionFeed | undefined = open()
  let events: AsyncGenerator<RunEvent> | undefined
  let reading: SessionFeed | undefined
  const letGo = async (): Promise<void> => {
    grace.cancel()
    const feed = early
    early = undefined
    await feed?.stop()
  }
  const grace = clock.setTimer(() => void letGo().catch(() => {}), graceMs, true)
  const begin = (): AsyncGenerator<RunEvent> => {
    if (events !== undefined) return events
    grace.cancel()
    reading = early ?? open()
    early = undefined
    events = read(reading)
    return events
  }
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => begin().next(),
      return: async () => {
        // A generator that has not started would not stop its feed.
        if (events === undefined) await letGo()
        await reading?.stop()
        events ??= ended()
        return events.return(undefined)
      },
    }),
  }
}

async function* ended(): AsyncGenerator<RunEvent> {}
