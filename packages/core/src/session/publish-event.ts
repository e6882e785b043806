/** Tells the event bus of a session: what is durable has happened, whether or not the bus can tell of it. */
import { describeError } from '../base/errors.ts'
import type { RunEvent } from '../base/events.ts'
import type { SessionDependencies } from './session-dependencies.ts'

/** Publishes an event of a session. Never throws: what the bus throws is logged. */
export function publishEvent({ events, services }: Pick<SessionDependencies, 'events' | 'services'>, topic: string, event: RunEvent): void {
  try {
    events.publish(topic, event)
  } catch (error) {
    const { sessionKey: session, type } = event
    services.logger.log('error', 'session.event-not-published', { session, type, error: describeError(error) })
  }
}
