/** The errors that calls to an actor reject with, each naming the actor. */
import { BeamClawError, describeError, MailboxFullError } from '../base/errors.ts'
import type { ExitReason } from '../base/exit-reason.ts'
import type { MailboxLimits } from './mailbox.ts'

export function notRunning(id: string): BeamClawError {
  return new BeamClawError('actor-not-running', `Actor "${id}" is not running`, { details: { id } })
}

export function alreadyStarted(id: string): BeamClawError {
  return new BeamClawError('actor-already-started', `Actor "${id}" was started before; an actor object lives once`, { details: { id } })
}

export function mailboxFull(id: string, size: number, bytes: number, limits: MailboxLimits, retryAfterMs: number): MailboxFullError {
  const fill = `${size} of ${limits.maxSize} messages, ${bytes} of ${limits.maxBytes} bytes`
  return new MailboxFullError(`The mailbox of actor "${id}" is full (${fill}); try again in ${retryAfterMs} ms`, retryAfterMs, {
    id,
    size,
    bytes,
    maxSize: limits.maxSize,
    maxBytes: limits.maxBytes,
  })
}

export function messageTooLarge(id: string, size: number, maxBytes: number): BeamClawError {
  return new BeamClawError(
    'message-too-large',
    `A message of about ${size} bytes can never fit the mailbox of actor "${id}" (${maxBytes} bytes)`,
    {
      details: { id, size, maxBytes },
    },
  )
}

export function notHandled(id: string): BeamClawError {
  return new BeamClawError('control-not-handled', `Actor "${id}" takes no control messages: it has no handleControl`, { details: { id } })
}

export function startTimeout(id: string, timeoutMs: number): BeamClawError {
  return new BeamClawError('actor-start-timeout', `Actor "${id}" did not finish starting within ${timeoutMs} ms`, {
    details: { id, timeoutMs },
  })
}

export function nothingToRun(id: string): BeamClawError {
  return new BeamClawError('actor-not-running', `Actor "${id}" has nothing to run: its init returned IGNORE`, { details: { id } })
}

export function callTimeout(id: string): BeamClawError {
  return new BeamClawError('call-timeout', `Actor "${id}" did not answer in time; whether it did the work is unknown`, { details: { id } })
}

export function callAborted(id: string, cause: unknown): BeamClawError {
  return new BeamClawError('call-aborted', `The call to actor "${id}" was aborted; whether it did the work is unknown`, {
    cause,
    details: { id },
  })
}

export function callCycle(path: readonly string[]): BeamClawError {
  return new BeamClawError('call-cycle', `This call would wait for itself for ever: ${path.join(' → ')}`, { details: { path } })
}

/** Returns the error for callers that waited for an actor that ended. */
export function exitError(id: string, reason: ExitReason): BeamClawError {
  switch (reason.type) {
    case 'crashed':
      return new BeamClawError('actor-crashed', `Actor "${id}" crashed: ${describeError(reason.cause)}`, {
        cause: reason.cause,
        details: { id },
      })
    case 'killed':
      return new BeamClawError('actor-killed', `Actor "${id}" was killed`, { details: { id } })
    default:
      return new BeamClawError('actor-stopped', `Actor "${id}" stopped before it answered`, { details: { id } })
  }
}
