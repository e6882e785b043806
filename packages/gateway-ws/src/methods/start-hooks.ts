/** The `onStart` hooks of a gateway's fragments: called when it starts, and ended when it has stopped. */
import { BeamClawError, type Logger } from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import type { StartHook } from './method-table.ts'

/**
 * Calls each hook in order, and returns a function that ends them in reverse order, once. When a hook throws, the earlier ones are ended and the
 * error is rethrown: unchanged if it is a `BeamClawError`, else as `internal`. Errors of an end are logged as `gateway.fragment-stop-failed`.
 */
export function startHooks(hooks: readonly StartHook[], logger: Logger): () => void {
  const ends: (() => unknown)[] = []
  const stop = (): void => {
    for (const end of ends.splice(0).reverse()) {
      try {
        const result = end()
        if (result instanceof Promise) result.catch((error) => logStopFailed(logger, error))
      } catch (error) {
        logStopFailed(logger, error)
      }
    }
  }
  try {
    for (const { onStart, publish } of hooks) {
      const end = onStart(publish)
      if (typeof end === 'function') ends.push(end as () => unknown)
      else if (end !== undefined) throw notAnEnd(end)
    }
  } catch (error) {
    stop()
    if (BeamClawError.isInstance(error)) throw error
    throw new BeamClawError('internal', `Gateway: onStart of a fragment failed: ${describeError(error)}`, { cause: error })
  }
  return stop
}

function notAnEnd(returned: unknown): BeamClawError {
  if (returned instanceof Promise) returned.catch(() => {})
  return new BeamClawError(
    'invalid-option',
    'Gateway: onStart of a fragment must return a function that ends it, or nothing; it must not be async',
  )
}

function logStopFailed(logger: Logger, error: unknown): void {
  logger.log('error', 'gateway.fragment-stop-failed', { error: describeError(error) })
}
