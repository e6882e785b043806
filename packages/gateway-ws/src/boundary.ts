/** Where events of sockets and timers enter the gateway. Nothing that a handler throws, or rejects with, gets past it. */
import type { Logger } from '@beamclaw/core'

/**
 * Makes a listener of a handler. When the handler throws or its promise rejects, the failure is logged as `event`, and `onFailure` gets the
 * arguments of the event, to answer or to close; what that throws is ignored.
 */
export type Boundary = <A extends readonly unknown[]>(
  event: string,
  handler: (...args: A) => unknown,
  onFailure?: (...args: A) => void,
) => (...args: A) => void

export function boundaryWith(logger: Logger): Boundary {
  return (event, handler, onFailure) =>
    (...args) => {
      const fail = (error: unknown): void => {
        attempt(() => onFailure?.(...args))
        attempt(() => logger.log('error', 'gateway.handler-failed', { handler: event, error: stackOf(error) }))
      }
      try {
        const result = handler(...args)
        if (result instanceof Promise) result.catch(fail)
      } catch (error) {
        fail(error)
      }
    }
}

/** The last resort: a failure in here has no place left to be reported to. */
function attempt(work: () => void): void {
  try {
    work()
  } catch {}
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : typeof error
}
