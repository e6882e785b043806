import { BeamClawError } from '../../base/errors.ts'

/** Returns the code of the typed error that a call throws. */
export function codeOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (BeamClawError.isInstance(error)) return error.code
  }
  return 'nothing was thrown'
}
