/** Which programs belong to the system: a grant is for a program that neither an agent nor the user of this process can replace. */
import { accessSync, constants, statSync } from 'node:fs'
import { dirname, posix } from 'node:path'

/** What decides about one file or folder. */
export interface Ownership {
  readonly uid: number
  readonly mode: number
  /** Whether this user may write to it. The superuser may write to everything, so of it only the owner and the mode count. */
  readonly isWritable: boolean
}

const systemFolders: readonly string[] = [
  ...['/bin', '/sbin', '/usr/bin', '/usr/sbin', '/usr/lib', '/usr/libexec', '/usr/local/bin', '/usr/local/sbin'],
]

/** Returns true for a plain absolute path below a folder of the system. A path through `..` or links of others may lead elsewhere the next time. */
export function isSystemPath(path: string): boolean {
  return posix.normalize(path) === path && systemFolders.some((folder) => path.startsWith(`${folder}/`))
}

/**
 * Returns true when the file and every folder above it are owned by root and not writable by this user or by others. A path that this machine does not
 * have is one of a container or of another machine, where the folder alone decides.
 */
export function isOutOfReach(path: string, look: (path: string) => Ownership | undefined = ownership): boolean {
  for (let at = path; ; at = dirname(at)) {
    const found = look(at)
    if (found !== undefined && (found.uid !== 0 || (found.mode & 0o002) !== 0 || found.isWritable)) return false
    if (at === dirname(at)) return true
  }
}

function ownership(path: string): Ownership | undefined {
  try {
    const { uid, mode } = statSync(path)
    return { uid, mode, isWritable: process.getuid?.() !== 0 && mayWrite(path) }
  } catch {
    return undefined
  }
}

function mayWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
