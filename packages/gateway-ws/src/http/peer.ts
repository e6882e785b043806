/** Where a request comes from, as far as that is known. */
import type { IncomingMessage, ServerResponse } from 'node:http'
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
  /** Calls back once the answer is out, or its client gone. @default never */
  readonly onEnd?: (callback: () => void) => void
}

export function peerOf(
  { socket, rawHeaders, url = '/' }: Pick<IncomingMessage, 'socket' | 'rawHeaders' | 'url'>,
  outgoing?: Pick<ServerResponse, 'once'>,
): Peer {
  return {
    ...(outgoing === undefined ? {} : { onEnd: (callback: () => void) => void outgoing.once('close', callback) }),
    address: socket.remoteAddress,
    localAddress: socket.localAddress,
    hostHeaders: hostHeaders(rawHeaders),
    authority: parseTarget(url)?.authority,
  }
}
