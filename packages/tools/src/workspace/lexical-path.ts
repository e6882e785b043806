/** The check of a path as text, before any look at the disk: what it names must lie below the root by its words alone. */
import { posix, win32 } from 'node:path'
import { pathRefused } from './path-refused.ts'

/** Limits of one path, in bytes: those of Linux, and below those of macOS and Windows with long paths. */
const maxPathBytes = 4_096
const maxNameBytes = 255

// Windows opens a device by these names in any folder, with any extension.
const windowsDevice = /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])(?:$|[.: ])/i

/**
 * Returns the names that lead from the root to the path; none for the root itself. An absolute path counts when it lies below the root.
 * Throws `path-outside-workspace`.
 */
export function namesBelow(root: string, path: string, platform: NodeJS.Platform = process.platform): readonly string[] {
  if (typeof path !== 'string') throw pathRefused(String(path), 'it is not a text')
  if (path.includes('\0')) throw pathRefused(path, 'it has a NUL character')
  if (!path.isWellFormed()) throw pathRefused(path, 'it has half a surrogate pair, which file names cannot hold')
  if (Buffer.byteLength(path) > maxPathBytes) throw pathRefused(path, `it is longer than ${maxPathBytes} bytes`)
  const api = platform === 'win32' ? win32 : posix
  const between = api.relative(root, api.resolve(root, path))
  if (api.isAbsolute(between)) throw pathRefused(path, 'it leads out of the workspace')
  const names = between === '' ? [] : between.split(api.sep)
  if (names[0] === '..') throw pathRefused(path, 'it leads out of the workspace')
  for (const name of names) checkName(path, name, platform)
  return names
}

function checkName(path: string, name: string, platform: NodeJS.Platform): void {
  if (Buffer.byteLength(name) > maxNameBytes) throw pathRefused(path, `a name in it is longer than ${maxNameBytes} bytes`)
  if (platform !== 'win32') return
  // Windows drops a final dot or space: the file that is opened is not the one that was checked.
  if (/[. ]$/.test(name)) throw pathRefused(path, 'a name in it ends with a dot or a space')
  if (name.includes(':')) throw pathRefused(path, 'it names an alternate data stream')
  if (windowsDevice.test(name)) throw pathRefused(path, 'it names a device')
}
