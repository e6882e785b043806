/** The boundary where events of sockets and timers enter the gateway: no exception or rejection of a handler passes it. */
import type { Logger } from '@beamclaw/core'

/**
 * Wraps a handler as a listener. When the handler throws or rejects, the error is logged as `event`, and `onFailure` is called with the arguments
 * of the event, to reply or to close; an error that it throws is ignored.
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

/** The last resort: an error in here has no other place to be reported. */
function attempt(work: () => void): void {
  try {
    work()
  } catch {}
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : typeof error
}
