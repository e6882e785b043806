/** The port between one call to a model service and whatever carries it. */
import type { HeaderReader } from './retry-after.ts'

/** A request as it goes out. */
export interface OutgoingRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Absent: GET. */
  readonly body: string | undefined
}

/** What a transport and its caller tell each other meanwhile. */
export interface Progress {
  /** There is a connection, and the request is on its way. Called at most once. */
  readonly onConnected: () => void
  /** Calls back when the call is over before its answer is: the connection is to be freed. */
  readonly whenOver: (free: () => void) => void
}

/** An answer whose headers are here. Redirects have a status from 300 to 399 and are not followed. */
export interface IncomingAnswer {
  readonly status: number
  readonly headers: HeaderReader
  /** The next piece of the body; undefined at its end. Rejects with what broke it. One call at a time. */
  read(): Promise<Uint8Array | undefined>
}

/** Rejects with what kept the request from being answered, as the platform says it. */
export interface Transport {
  send(request: OutgoingRequest, progress: Progress): Promise<IncomingAnswer>
}
