/** The failures of the tools for files, in words that a model can act on. */
import { BeamClawError } from '@beamclaw/core'
import { pathRefused, systemCode } from '../workspace/path-refused.ts'

const meanings: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder. List the folder to see what there is',
  ENOTDIR: 'a name in it is not a folder',
  EISDIR: 'it is a folder',
  EACCES: 'the system denies access',
  EPERM: 'the system denies access',
  EROFS: 'it is on a read-only file system',
  ENOSPC: 'the disk is full',
  EMFILE: 'too many files are open. Try again later',
}

/** Returns the error for something that cannot be done with a file. */
export function fileFailed(path: string, problem: string, cause?: unknown): BeamClawError {
  const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)
  return new BeamClawError('tool-failed', `File ${shown}: ${problem}.`, {
    details: { path: path.slice(0, 200) },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Resolves with what `work` resolves with; an error of the system gets words, and one about a path names it as the model does. */
export async function inWords<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = systemCode(error)
    if (BeamClawError.isInstance(error, 'path-outside-workspace')) throw pathRefused(path, String(error.details?.why), error)
    if (BeamClawError.isInstance(error) || code === undefined) throw error
    throw fileFailed(path, meanings[code] ?? `the system reports ${code}`, error)
  }
}
