/** The words of `bwrap`: what a command sees of the host, and what it may do. */
import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import { isAbsolute, join, normalize, relative } from 'node:path'
import { isWithin } from '../workspace/resolve-inside.ts'
import type { PathMap } from './host-files.ts'

/** Where the workspace is for the command. */
export const workspaceInside = '/workspace'

/** What one command sees. */
export interface BubblewrapProfile {
  /** Real host path. */
  readonly workspace: string
  /** The working directory inside. */
  readonly cwd: string
  readonly network: boolean
  readonly uid: number
  readonly gid: number
  /** Host paths that are there under the same name, read-only. */
  readonly readOnly: readonly string[]
  readonly temporaryBytes: number
  readonly hasTerminal: boolean
  readonly isDetached: boolean
  /** Descriptor that the id of the first process is written to. */
  readonly reportFd: number | undefined
}

// What programs need to resolve names and check certificates.
const networkFiles = ['/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf', '/etc/ssl', '/etc/ca-certificates', '/etc/pki']
// Where links in /usr/bin and the dynamic linker lead to.
const systemFiles = ['/etc/alternatives', '/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d', '/etc/localtime']
const topFolders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']

/**
 * Returns the words up to the command. Only single folders are bound: with the whole file system, even read-only, a command could connect to sockets of the
 * host. The environment is that of the process, so that no value shows in the list of processes.
 *
 * The first process inside is bwrap's own, without `--as-pid-1`: the kernel keeps signals that a first process does not handle from it, and SIGTERM would end
 * no command that does not catch it. Its environment, which `/proc/1/environ` shows, is that of the command, too.
 */
export function bubblewrapWords(profile: BubblewrapProfile): readonly string[] {
  const { workspace, cwd, network, uid, gid, readOnly, temporaryBytes, hasTerminal, isDetached, reportFd } = profile
  const temporary = ['--size', String(temporaryBytes), '--tmpfs']
  return [
    ...['--unshare-all', '--unshare-user', '--disable-userns', ...(network ? ['--share-net'] : [])],
    ...['--uid', String(uid), '--gid', String(gid), '--hostname', 'sandbox', '--cap-drop', 'ALL'],
    // A terminal of its own is the command's to control; of any other it gets a session away.
    ...(hasTerminal ? [] : ['--new-session']),
    ...(isDetached ? [] : ['--die-with-parent']),
    ...(reportFd === undefined ? [] : ['--info-fd', String(reportFd)]),
    ...['--ro-bind', '/usr', '/usr', ...topFolders.flatMap(topWords)],
    ...[...systemFiles, ...(network ? networkFiles : [])].flatMap((path) => ['--ro-bind-try', path, path]),
    // For the kernel, the command of a process that is root is root, too: the settings below /proc/sys would be its to change.
    ...['--proc', '/proc', '--remount-ro', '/proc'],
    ...['--dev', '/dev', ...temporary, '/dev/shm', '--remount-ro', '/dev', ...temporary, '/tmp'],
    // One that is gone by now costs no command.
    ...readOnly.flatMap((path) => ['--ro-bind-try', path, path]),
    // What holds the folders is in memory as well, and has no size of its own.
    ...['--bind', workspace, workspaceInside, '--remount-ro', '/', '--chdir', cwd, '--'],
  ]
}

/** A folder that is a link into /usr is one inside, too. */
function topWords(path: string): readonly string[] {
  if (!existsSync(path)) return []
  return lstatSync(path).isSymbolicLink() ? ['--symlink', readlinkSync(path), path] : ['--ro-bind', path, path]
}

/** Returns how paths inside and on the host belong together. */
export function bubblewrapPaths(workspace: string, readOnly: readonly string[]): PathMap {
  const shared = ['/usr', ...topFolders, '/etc/alternatives', ...readOnly]
  return {
    toHost(path) {
      const plain = normalize(path)
      if (!isAbsolute(plain)) return undefined
      if (isWithin(workspaceInside, plain)) return join(workspace, relative(workspaceInside, plain))
      return shared.some((folder) => isWithin(folder, plain)) ? plain : undefined
    },
    toSandbox: (path) => (isWithin(workspace, path) ? join(workspaceInside, relative(workspace, path)) : path),
  }
}
