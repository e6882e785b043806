/** A name that the system frees with the process that listens on it, however that ends. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { systemCode } from './failures.ts'
import type { LockSocket } from './lock-owner.ts'
import { networkNamespace } from './process-facts.ts'

/** A name that is held, `taken` where another process holds it, or `unavailable` where the system has no such names. */
export type SocketClaim = { readonly socket: LockSocket; readonly server: Server } | 'taken' | 'unavailable'

/**
 * Listens on the name of a directory. It is made of the directory's device and inode and not of its path: two containers may see different
 * directories under one path, and one directory under two. Nothing else of a directory is the same for as long as it lives: where statx(2)
 * is not allowed, Node takes the time of the last change for that of its birth.
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
    // A sandbox without such sockets: the lock file has to do.
    server.once('error', (error) => resolve(systemCode(error) === 'EADDRINUSE' ? 'taken' : 'unavailable'))
    server.listen(address, () => resolve({ socket: { name, network }, server }))
  })
}

/** Frees the name. */
export async function releaseSocket(claim: SocketClaim): Promise<void> {
  if (typeof claim === 'string') return
  await new Promise<void>((resolve) => claim.server.close(() => resolve()))
}
