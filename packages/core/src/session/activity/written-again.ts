/** A write that may be made twice. */
import { BeamClawError } from '../../base/errors.ts'

/** Writes, and once more where the way to the store was lost: the store may be elsewhere by now. Rejects as the last write does. */
export async function writtenAgain(write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    if (!BeamClawError.isInstance(error, 'store-io') || !error.isRetryable) throw error
    await write()
  }
}
