/** Tells the event bus of a session: what is durable has happened, whether or not the bus can tell of it. */
import { describeError } from '../base/errors.ts'
import type { RunEndEvent, RunEvent } from '../base/events.ts'
import type { Logger } from '../ports/services.ts'
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

/** Logs that a run failed, once its end is durable: a sender may ask for no result. Its details stay in the journal. */
export function logFailure(logger: Logger, { sessionKey: session, runId: run, failure }: RunEndEvent): void {
  if (failure === undefined) return
  const { code, message } = failure
  logger.log('warn', 'run.failed', { session, run, code, message })
}
