/** The client of a request, as far as the host server knows it. */
import { hostHeaders } from '../auth/site-check.ts'
import { parseTarget } from './request-target.ts'

/** The client of a request, as a host with a server of its own passes it to `gateway.handler`. */
export interface Peer {
  /** The client's address. */
  readonly address?: string | undefined
  /** The local address that the client connected to. */
  readonly localAddress?: string | undefined
  /** Number of `Host` headers. @default 1 */
  readonly hostHeaders?: number | undefined
  /** The host in the request line, if any; it must be the gateway's, too. */
  readonly authority?: string | undefined
  /** Registers a callback for when the response is sent or the client has disconnected. @default never called */
  readonly onEnd?: (callback: () => void) => void
}

/** What is read of Node's `IncomingMessage`. Written out, so that programs without Node's types can use ours. */
interface IncomingRequest {
  readonly socket: { readonly remoteAddress?: string | undefined; readonly localAddress?: string | undefined }
  readonly rawHeaders: string[]
  readonly url?: string | undefined
}

/** What is used of Node's `ServerResponse`. */
interface OutgoingAnswer {
  once(event: 'close', listener: () => void): unknown
}

export function peerOf({ socket, rawHeaders, url = '/' }: IncomingRequest, outgoing?: OutgoingAnswer): Peer {
  return {
    ...(outgoing === undefined ? {} : { onEnd: (callback: () => void) => void outgoing.once('close', callback) }),
    address: socket.remoteAddress,
    localAddress: socket.localAddress,
    hostHeaders: hostHeaders(rawHeaders),
    authority: parseTarget(url)?.authority,
  }
}
