/** Says which section of `tools` an adapter is made of, so that its error names the place in the file. */
import { BeamClawError } from '@beamclaw/core'

/** Resolves with what `make` returns. What it refuses names the option together with the section. */
export async function inSection<T>(section: string, make: () => T | Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'invalid-option')) throw error
    const { details } = error
    const option = typeof details.option === 'string' ? `${section}.${details.option}` : section
    throw new BeamClawError('invalid-option', error.message, { cause: error, details: { ...details, option } })
  }
}
