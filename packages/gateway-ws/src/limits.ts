/** Limits on what one client may use of a gateway. */
import { getHeapStatistics } from 'node:v8'

/** Limits on what one client may use, so that it cannot slow down the others. All are positive whole numbers. */
export interface GatewayLimits {
  /** Longest WebSocket message after the handshake, in bytes; a longer one closes the connection with 1009. @default 26214400 (25 MiB) */
  readonly maxPayload: number
  /** Longest WebSocket message, and most bytes in all, before the handshake. @default 65536 (64 KiB) */
  readonly maxPayloadBeforeAuth: number
  /** Bytes buffered for a slow reader; more closes its connection with 1008. @default 52428800 (50 MiB) */
  readonly maxBufferedBytes: number
  /** Milliseconds from the first byte to a valid `connect`. @default 15000 */
  readonly handshakeMs: number
  /** Milliseconds between two `tick` events. @default 30000 */
  readonly tickIntervalMs: number
  /** Milliseconds in which a client must answer a ping. @default 25000 */
  readonly pongMs: number
  /** Connections of one address before their `connect`. @default 32 */
  readonly maxUnauthenticatedPerAddress: number
  /** Requests that one connection may make in a second, on average. @default 200 */
  readonly requestsPerSecond: number
  /** Requests that one connection may make at once. @default 1000 */
  readonly requestBurst: number
  /** Requests of one connection that may be under way at once. @default 256 */
  readonly maxInFlight: number
  /** Longest HTTP body, in bytes; a longer one is rejected with 413. @default 20971520 (20 MiB) */
  readonly maxBodyBytes: number
  /**
   * Bytes of the bodies of all requests under way; more are rejected with 503, because handling a body takes several times its memory.
   * @default a sixteenth of the heap limit, and at least one longest body
   */
  readonly maxBodiesBytes: number
  /** Nesting depth of objects and lists in JSON from a client. @default 64 */
  readonly maxDepth: number
  /** Values in the JSON of an HTTP body: objects, lists, strings, numbers, literals and names, each counted. @default 100000 */
  readonly maxBodyValues: number
  /** The same, for one WebSocket message. @default 10000 */
  readonly maxFrameValues: number
  /** Messages of a completion request, counting their parts and tool calls. @default 10000 */
  readonly maxMessages: number
  /** Milliseconds until the headers of an HTTP request must be complete. @default 10000 */
  readonly headersMs: number
  /** Milliseconds until an HTTP request must be complete. @default 30000 */
  readonly requestMs: number
  /** Wrong tokens of one address in a minute, before it has to wait. Loopback is exempt. @default 10 */
  readonly maxFailedAuthPerMinute: number
}

export const limitDefaults = {
  maxPayload: 26_214_400,
  maxPayloadBeforeAuth: 65_536,
  maxBufferedBytes: 52_428_800,
  handshakeMs: 15_000,
  tickIntervalMs: 30_000,
  pongMs: 25_000,
  maxUnauthenticatedPerAddress: 32,
  requestsPerSecond: 200,
  requestBurst: 1_000,
  maxInFlight: 256,
  maxBodyBytes: 20_971_520,
  maxBodiesBytes: Math.max(20_971_520, Math.floor(getHeapStatistics().heap_size_limit / 16)),
  maxDepth: 64,
  maxBodyValues: 100_000,
  maxFrameValues: 10_000,
  maxMessages: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  maxFailedAuthPerMinute: 10,
} as const satisfies GatewayLimits
