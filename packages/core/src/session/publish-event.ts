/** Publishes events of a session on its event bus. A durable event has happened even when the bus fails to deliver it. */
import type { Logger } from '@beamclaw/actor'
import { describeError } from '../base/errors.ts'
import type { RunEndEvent, RunEvent } from '../base/events.ts'
import type { SessionDependencies } from './session-dependencies.ts'

/** Publishes an event of a session. Never throws: errors of the bus are logged. */
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
