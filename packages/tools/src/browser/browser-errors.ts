/** The failures of the browser, in words that a model can act on. */
import { BeamClawError, type BeamClawErrorOptions } from '@beamclaw/core'

/** Returns the error for a browser that cannot be used at all. */
export function browserUnavailable(problem: string, cause?: unknown): BeamClawError {
  return new BeamClawError('browser-unavailable', `The browser is not available: ${problem}`, cause === undefined ? {} : { cause })
}

/** Returns the error for something that cannot be done with a page. */
export function pageFailed(problem: string, options: BeamClawErrorOptions = {}): BeamClawError {
  return new BeamClawError('tool-failed', `browser: ${problem}`, options)
}

/** Returns the error for what the library threw; its first line, because the others repeat the call. */
export function asPageError(error: unknown, what: string): BeamClawError {
  if (BeamClawError.isInstance(error)) return error
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  const said = line.replace(/^\w+\.\w+: /, '').slice(0, 300)
  if (error instanceof Error && error.name === 'TimeoutError') {
    return pageFailed(`${what} was not possible in time (${said}). Take a new snapshot: references hold only for the last one.`, {
      cause: error,
    })
  }
  return pageFailed(`${what} failed: ${said}`, { cause: error })
}
