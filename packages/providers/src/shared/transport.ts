/** The port between calls to a model service and the HTTP client. */
import type { HeaderReader } from './retry-after.ts'

/** An outgoing HTTP request. */
export interface OutgoingRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Absent: GET. */
  readonly body: string | undefined
}

/** Callbacks between a transport and its caller during a call. */
export interface Progress {
  /** Called at most once, when the connection is open and the request is being sent. */
  readonly onConnected: () => void
  /** Registers a callback for a call that ends before its answer does: the transport then releases the connection. */
  readonly whenOver: (free: () => void) => void
}

/** A response whose headers have arrived. Redirects have a status from 300 to 399 and are not followed. */
export interface IncomingAnswer {
  readonly status: number
  readonly headers: HeaderReader
  /** Resolves with the next chunk of the body; undefined at its end. Rejects with the network error. One call at a time. */
  read(): Promise<Uint8Array | undefined>
}

/** Sends requests. Rejects with the platform's error when there is no response. */
export interface Transport {
  send(request: OutgoingRequest, progress: Progress): Promise<IncomingAnswer>
}
