/** Where a request comes from, as far as that is known. */
import type { IncomingMessage } from 'node:http'
import { hostHeaders } from '../auth/site-check.ts'

export interface Peer {
  /** The client's address. */
  readonly address?: string | undefined
  /** The address that the client reached. */
  readonly localAddress?: string | undefined
  /** How many `Host` headers came. @default 1 */
  readonly hostHeaders?: number | undefined
}

export function peerOf({ socket, rawHeaders }: Pick<IncomingMessage, 'socket' | 'rawHeaders'>): Peer {
  return { address: socket.remoteAddress, localAddress: socket.localAddress, hostHeaders: hostHeaders(rawHeaders) }
}
