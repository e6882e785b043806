/** The port between calls to a model service and the HTTP client. */
import type { EnvironmentProxy } from './proxy.ts'
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

/** Takes the body of a response. After `onEnd` or `onError`, which come once, nothing comes any more. */
export interface AnswerSink {
  readonly onPiece: (piece: Uint8Array) => void
  readonly onEnd: () => void
  /** Called with the network error. */
  readonly onError: (error: unknown) => void
}

/** A response whose headers have arrived. Redirects have a status from 300 to 399 and are not followed. */
export interface IncomingAnswer {
  readonly status: number
  readonly headers: HeaderReader
  /** Passes on what has arrived, and then what arrives. Call it once. */
  receive(sink: AnswerSink): void
  /** Asks the server to wait until `more`. What is on its way may still arrive. */
  pause(): void
  /** Called when the reader waits: a transport may fetch each piece only then. */
  more(): void
}

/** Sends requests. Rejects with the platform's error when there is no response. */
export interface Transport {
  send(request: OutgoingRequest, progress: Progress): Promise<IncomingAnswer>
}

/** What a platform sends requests with. */
export interface PlatformTransport {
  readonly transport: Transport
  /** The proxy that it goes through. */
  readonly proxy?: EnvironmentProxy
}
