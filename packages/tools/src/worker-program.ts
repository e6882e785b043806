/** Finds the program of a worker: a bundle that takes this package along has the code that starts it, and not the file itself. */
import { existsSync } from 'node:fs'

/**
 * Returns the program that is `source` in the sources: this file, or, in a build, the one beside the code that runs, or, in the bundle of another package,
 * the one of this package as it is installed there. Throws the error of the resolution where it is not installed.
 */
export function workerProgram(source: URL): URL {
  if (existsSync(source)) return source
  const name = source.pathname.slice(source.pathname.lastIndexOf('/') + 1).replace(/\.ts$/, '.js')
  const built = new URL(name, source)
  return existsSync(built) ? built : new URL(name, import.meta.resolve('@beamclaw/tools'))
}
