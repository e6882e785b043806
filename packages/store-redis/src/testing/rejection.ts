/** How a call ended. */
import { BeamClawError } from '@beamclaw/core'

/** Resolves with the code of the typed error that a call rejects with, or with `done`. Rejects with an untyped error. */
export async function outcomeOf(call: Promise<unknown>): Promise<string> {
  return await rejectionOf(call).then((error) => error?.code ?? 'done')
}

/** Resolves with the typed error that a call rejects with; undefined when it resolves. Rejects with an untyped error. */
export async function rejectionOf(call: Promise<unknown>): Promise<BeamClawError | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    if (BeamClawError.isInstance(error)) return error
    throw error
  }
}
