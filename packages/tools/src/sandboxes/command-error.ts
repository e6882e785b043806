/** The errors of sandboxes. */
import { BeamClawError } from '@beamclaw/core'

/** Returns the error of a command that may not run; `why` is a clause without a full stop. */
export function commandRefused(why: string, cause?: unknown): BeamClawError {
  return new BeamClawError('command-refused', `The command is refused: ${why}.`, {
    details: { why },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Returns the error of a command that is not what it was when it was prepared. */
export function commandChanged(what: string): BeamClawError {
  return commandRefused(`${what} has changed since the command was prepared; prepare it again`)
}

/** Returns the error of a program that is not there. */
export function commandNotFound(name: string, where: string): BeamClawError {
  return new BeamClawError(
    'command-not-found',
    `There is no program ${JSON.stringify(name.slice(0, 200))} ${where}. Install it, or name another.`,
    {
      details: { program: name.slice(0, 200) },
    },
  )
}

/** Returns the error of a sandbox that does not work here; `reason` is a sentence that says what to do. */
export function sandboxUnavailable(id: string, reason: string, cause?: unknown): BeamClawError {
  return new BeamClawError('sandbox-unavailable', `The sandbox "${id}" does not work here: ${reason}`, {
    details: { sandbox: id, reason },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Returns the error of input to a command whose input is closed. */
export function inputClosed(cause?: unknown): BeamClawError {
  return new BeamClawError('command-ended', 'The input of the command is closed.', cause === undefined ? {} : { cause })
}

/** Runs a check; an error of the system, such as a folder that may not be read, refuses the command. */
export async function asRefusal<T>(check: () => T | Promise<T>): Promise<T> {
  try {
    return await check()
  } catch (error) {
    if (BeamClawError.isInstance(error)) throw error
    throw commandRefused(`it cannot be checked (${error instanceof Error ? error.message : String(error)})`, error)
  }
}
