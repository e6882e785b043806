/** A socket name as a lock: the system frees it when the process that listens on it ends, however it ends. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { systemCode } from './failures.ts'
import type { LockSocket } from './lock-owner.ts'
import { networkNamespace } from './process-facts.ts'

/** A socket name that is held; `taken` when another process holds it; `unavailable` where the system has no such names. */
export type SocketClaim = { readonly socket: LockSocket; readonly server: Server } | 'taken' | 'unavailable'

/**
 * Listens on the socket name of a directory. The name consists of device and inode, not of the path: two containers may see different
 * directories under one path, and one directory under two paths. The time of birth is not part of it, because Node reports the time of the
 * last change instead where statx(2) is not allowed.
 */
export async function claimSocket(directory: string): Promise<SocketClaim> {
  const { dev, ino } = await stat(directory, { bigint: true })
  const name = `beamclaw-${createHash('sha256').update([dev, ino].join('.')).digest('hex').slice(0, 40)}`
  const address = process.platform === 'linux' ? `\0${name}` : process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : undefined
  if (address === undefined) return 'unavailable'
  const network = await networkNamespace()
  const server = createServer((connection) => connection.destroy())
  server.unref()
  return await new Promise((resolve) => {
    // A sandbox without such sockets: only the lock file protects the directory.
    server.once('error', (error) => resolve(systemCode(error) === 'EADDRINUSE' ? 'taken' : 'unavailable'))
    server.listen(address, () => resolve({ socket: { name, network }, server }))
  })
}

/** Closes the socket, which frees its name. */
export async function releaseSocket(claim: SocketClaim): Promise<void> {
  if (typeof claim === 'string') return
  await new Promise<void>((resolve) => claim.server.close(() => resolve()))
}
