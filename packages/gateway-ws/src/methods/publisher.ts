/** Sends the events that a fragment publishes to the connections that may receive them. */
import type { Logger } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import type { EventDefinitions } from '@beamclaw/protocol'
import { check } from '../schema-check.ts'
import { describeIssue } from '../ws/failure.ts'
import { PreparedEvent } from '../ws/prepared-event.ts'
import type { PublishAny } from './method-table.ts'

export interface PublisherOptions {
  /** Sends an event to every connection that may receive it. */
  readonly tellAll: (event: PreparedEvent) => void
  readonly logger: Logger
}

/** Returns the function that publishes these events. It never throws: an event that cannot be sent is logged as `gateway.publish-failed`. */
export function publisher(events: EventDefinitions, { tellAll, logger }: PublisherOptions): PublishAny {
  const fail = (event: string, error: string): void => logger.log('error', 'gateway.publish-failed', { event, error })
  return (event, payload) => {
    try {
      const definition = Object.hasOwn(events, event) ? events[event] : undefined
      if (definition === undefined) return fail(event, 'the fragment has no such event')
      const checked = check(definition.payload, payload)
      if (!checked.success) return fail(event, describeIssue(checked.error, 'payload'))
      tellAll(new PreparedEvent({ name: event, scope: definition.scope, payload: checked.data }))
    } catch (error) {
      fail(String(event), describeError(error))
    }
  }
}
