/** Calls a host's listener and survives what it throws. */
import type { Logger } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'

/** Calls `listener`, if there is one; logs an error that it throws. */
export function notify<T>(logger: Logger, name: string, listener: ((event: T) => void) | undefined, event: T): void {
  try {
    listener?.(event)
  } catch (error) {
    logger.log('error', 'provider.listener-failed', { listener: name, error: describeError(error) })
  }
}
