/** Where a request comes from, as far as that is known. */
import type { IncomingMessage } from 'node:http'
import { hostHeaders } from '../auth/site-check.ts'
import { parseTarget } from './request-target.ts'

export interface Peer {
  /** The client's address. */
  readonly address?: string | undefined
  /** The address that the client reached. */
  readonly localAddress?: string | undefined
  /** How many `Host` headers came. @default 1 */
  readonly hostHeaders?: number | undefined
  /** The host that the request line names beside the header; it must be the gateway's, too. */
  readonly authority?: string | undefined
}

export function peerOf({ socket, rawHeaders, url = '/' }: Pick<IncomingMessage, 'socket' | 'rawHeaders' | 'url'>): Peer {
  return {
    address: socket.remoteAddress,
    localAddress: socket.localAddress,
    hostHeaders: hostHeaders(rawHeaders),
    authority: parseTarget(url)?.authority,
  }
}
