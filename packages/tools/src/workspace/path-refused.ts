/** The error of a path that a tool may not touch. */
import { BeamClawError } from '@beamclaw/core'

// A path of a model may be megabytes long.
const maxShown = 200

/** Returns the error for a path; `why` is a clause without a full stop, such as "it leads out of the workspace". */
export function pathRefused(path: string, why: string, cause?: unknown): BeamClawError {
  const shown = JSON.stringify(path.length > maxShown ? `${path.slice(0, maxShown)}…` : path)
  return new BeamClawError('path-outside-workspace', `Path ${shown} is refused: ${why}. Name a file or folder inside the workspace.`, {
    details: { path: path.slice(0, maxShown), why },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Returns the code of a system error, such as `ENOENT`; undefined for any other value. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
