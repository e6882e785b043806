/** Where a request comes from, as far as that is known. */
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
