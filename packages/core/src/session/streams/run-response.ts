/** Sends a run to a user interface over HTTP: as a web-standard `Response`, or into a Node response. */
import type { Clock } from '@beamclaw/actor'
import { aBoolean, aFunction, anObjectWith, checkOptions, duration, oneOf, readOptions } from '@beamclaw/actor/internal'
import { BeamClawError } from '../../base/errors.ts'
import { type ErrorText, guardedErrorText } from './public-error-text.ts'
import { endCursor, sseFrames, uiMessageFrames } from './run-frames.ts'
import type { RunReading } from './run-reading.ts'

/** Options of a response. */
export interface RunResponseOptions {
  /**
   * `sse`: each event of the run as one server-sent event, whose id is its cursor. `ui-message-stream`: the format of the AI SDK's `useChat`.
   * @default 'sse'
   */
  readonly format?: 'sse' | 'ui-message-stream'
  /**
   * The last cursor that the reader received, as in the header `Last-Event-ID`; earlier events are left out. Not allowed with `ui-message-stream`,
   * which has no cursors and always starts at the beginning. @default from the beginning
   */
  readonly after?: string | number | null
  /** Milliseconds of silence after which a comment is sent, so that no proxy closes the connection as idle; 0 for never. @default 15000 */
  readonly heartbeatMs?: number
  /** Aborts the run when the reader disconnects before its end. @default false */
  readonly abortOnDisconnect?: boolean
  /**
   * Returns the text shown to the reader for a failed run, model call or tool. Messages may name files, addresses and secrets.
   * @default the code alone
   */
  readonly errorText?: ErrorText
}

/** Defaults for responses. */
const runResponseDefaults = { format: 'sse', heartbeatMs: 15_000, abortOnDisconnect: false } as const satisfies RunResponseOptions

/** The members of Node's `http.ServerResponse` that BeamClaw uses. */
export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string>): unknown
  write(text: string): boolean
  end(): unknown
  on(event: 'close' | 'error' | 'drain', listener: () => void): unknown
  off(event: 'close' | 'error' | 'drain', listener: () => void): unknown
  readonly destroyed?: boolean
  readonly headersSent?: boolean
}

/** A response that has not been sent yet. */
interface OpenResponse {
  readonly status: 200 | 204
  readonly headers: Record<string, string>
  readonly frames: AsyncIterator<string>
  /** Called when the reader has disconnected. */
  readonly leave: () => void
}

/** Returns a checked copy. Throws `invalid-option`. Called before the run is read. */
export function responseOptionsOf(owner: string, given: RunResponseOptions): RunResponseOptions {
  const options = readOptions(owner, given)
  checkOptions<RunResponseOptions>(owner, options, {
    format: oneOf('sse', 'ui-message-stream'),
    after: (value) => (value === null || afterSeqOf(value) !== undefined ? undefined : `a cursor: a whole number, or "${endCursor}"`),
    heartbeatMs: duration(),
    abortOnDisconnect: aBoolean,
    errorText: aFunction,
  })
  if (options.format !== 'ui-message-stream' || options.after == null) return options
  throw new BeamClawError('invalid-option', `${owner}: option "after" needs the format "sse": a UI message stream has no cursors`)
}

const aNodeResponse = anObjectWith('writeHead', 'write', 'end', 'on', 'off')

/** Throws `invalid-option` for a value that is not a Node response, or whose head was sent. */
export function checkNodeResponse(response: NodeResponse): void {
  checkOptions('pipeTo', { response }, { response: (value) => aNodeResponse(value) && 'a response of node:http' }, ['response'])
  checkHead(response)
}

function checkHead({ headersSent }: NodeResponse): void {
  if (headersSent !== true) return
  throw new BeamClawError(
    'invalid-option',
    'pipeTo: the head of "response" was already sent; leave writeHead() and write() to pipeTo, and set headers of your own with setHeader()',
    { details: { owner: 'pipeTo', option: 'response' } },
  )
}

/** Returns the run as a `Response`. The run is read as fast as the reader consumes it. */
export async function toResponse(reading: RunReading, clock: Clock, options: RunResponseOptions): Promise<Response> {
  const { status, headers, frames, leave } = await open(reading, clock, options)
  if (status === 204) return new Response(null, { status, headers })
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const next = await frames.next()
        if (next.done === true) controller.close()
        else controller.enqueue(encoder.encode(next.value))
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status, headers })
}

/** Writes the run into a Node response. Resolves once everything is written, or the reader has disconnected. */
export async function pipeTo(reading: RunReading, response: NodeResponse, clock: Clock, options: RunResponseOptions): Promise<void> {
  const { status, headers, frames, leave } = await open(reading, clock, options)
  const reader = new NodeReader(response, leave)
  try {
    // The host may have sent it while the message was on its way.
    checkHead(response)
    if (!reader.isGone) response.writeHead(status, headers)
    while (!reader.isGone) {
      const next = await frames.next()
      if (reader.isGone) return
      if (next.done === true) return void response.end()
      if (!response.write(next.value)) await reader.whenReady()
    }
  } finally {
    leave()
    reader.end()
  }
}

/**
 * The reader of a Node response. Listens from its construction until the response is closed: a connection error without a listener would end the
 * process.
 */
class NodeReader {
  readonly #response: NodeResponse
  readonly #leave: () => void
  #wake = (): void => {}
  isGone: boolean

  constructor(response: NodeResponse, leave: () => void) {
    this.#response = response
    this.#leave = leave
    this.isGone = response.destroyed === true
    response.on('drain', this.#onDrain)
    response.on('close', this.#onClose)
    response.on('error', this.#onGone)
  }

  /** Resolves when there is room for more, or the reader has disconnected. */
  whenReady(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      if (this.isGone) resolve()
    })
  }

  /** Marks the end of writing. */
  end(): void {
    this.#response.off('drain', this.#onDrain)
    // The response was closed before the first write.
    if (this.#response.destroyed === true) this.#forget()
  }

  readonly #onDrain = (): void => this.#wake()

  readonly #onGone = (): void => {
    this.isGone = true
    this.#leave()
    this.#wake()
  }

  readonly #onClose = (): void => {
    this.#forget()
    this.#onGone()
  }

  #forget(): void {
    this.#response.off('drain', this.#onDrain)
    this.#response.off('close', this.#onClose)
    this.#response.off('error', this.#onGone)
  }
}

async function open(reading: RunReading, clock: Clock, options: RunResponseOptions): Promise<OpenResponse> {
  const { format, heartbeatMs, abortOnDisconnect } = { ...runResponseDefaults, ...options }
  const isSse = format === 'sse'
  const afterSeq = afterSeqOf(options.after ?? '') ?? 0
  const frames = (isSse ? sseFrames : uiMessageFrames)(reading, {
    afterSeq,
    heartbeatMs,
    clock,
    errorText: guardedErrorText(options.errorText),
  })
  const tracked = new Frames(frames)
  const headers = {
    'x-beamclaw-run-id': reading.runId,
    'cache-control': 'no-cache, no-transform',
    // Tells nginx to forward each frame at once.
    'x-accel-buffering': 'no',
    ...(isSse ? {} : { 'x-vercel-ai-ui-message-stream': 'v1' }),
  }
  const leave = (): void => {
    if (tracked.isOver) return
    void reading.stop().catch(() => {})
    // The pending read ends with the reading; its rejection is ignored.
    void tracked.return().catch(() => {})
    if (abortOnDisconnect) void reading.abort().catch(() => {})
  }
  // A reader that already has the end gets status 204; without it an `EventSource` would reconnect for ever.
  if (isSse && afterSeq > 0 && reading.ended !== undefined && (await tracked.isEmpty()))
    return { status: 204, headers, frames: tracked, leave }
  return { status: 200, headers: { 'content-type': 'text/event-stream', ...headers }, frames: tracked, leave }
}

/** Frames that can be checked for emptiness before the first one is taken, and that report their end. */
class Frames implements AsyncIterator<string> {
  readonly #frames: AsyncGenerator<string>
  #first: IteratorResult<string> | undefined
  isOver = false

  constructor(frames: AsyncGenerator<string>) {
    this.#frames = frames
  }

  async isEmpty(): Promise<boolean> {
    this.#first = await this.#frames.next()
    return this.#first.done === true
  }

  async next(): Promise<IteratorResult<string>> {
    const next = this.#first ?? (await this.#frames.next())
    this.#first = undefined
    if (next.done === true) this.isOver = true
    return next
  }

  return(): Promise<IteratorResult<string>> {
    this.isOver = true
    return this.#frames.return(undefined)
  }
}

/** Returns the sequence number of a cursor; undefined for text that is not a cursor. */
function afterSeqOf(after: unknown): number | undefined {
  if (after === '') return 0
  if (after === endCursor) return Number.POSITIVE_INFINITY
  const seq = typeof after === 'string' && /^\d{1,15}$/.test(after) ? Number(after) : after
  return Number.isSafeInteger(seq) && (seq as number) >= 0 ? (seq as number) : undefined
}
