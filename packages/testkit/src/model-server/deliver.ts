/** Writes an answer to a response, with the faults its delivery asks for. */
import type { Delivery, ModelAnswer, Protocol, ReceivedRequest, SseFrame } from './answer.ts'
import { wires } from './wires.ts'

/** The destination of an answer: the part of Node's `ServerResponse` that is used, so that other destinations can implement it. */
export interface ReplyTarget {
  readonly writableEnded: boolean
  writeHead(status: number, headers: Record<string, string>): unknown
  flushHeaders(): void
  write(bytes: Uint8Array): boolean
  end(text?: string): unknown
  destroy(): unknown
  once(event: 'close', listener: () => void): unknown
  on(event: 'drain', listener: () => void): unknown
  off(event: 'drain', listener: () => void): unknown
}

/** Sends `answer`; resolves when the last byte is written or the connection is gone. */
export async function deliver(response: ReplyTarget, request: ReceivedRequest, answer: ModelAnswer): Promise<void> {
  const delivery = answer.delivery ?? {}
  const protocol = delivery.protocol ?? request.protocol
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  if (delivery.firstByteDelayMs !== undefined) await pause(delivery.firstByteDelayMs, gone.signal)
  if (delivery.stall === 'headers') return until(gone.signal)
  if (answer.error !== undefined) return sendError(response, protocol, answer)

  const { model, isStream } = readRequest(request)
  const isSse = answer.raw !== undefined || answer.frames !== undefined || isStream
  response.writeHead(200, {
    'content-type': delivery.contentType ?? (isSse ? 'text/event-stream' : 'application/json'),
    'request-id': 'req_scripted',
    ...(delivery.contentLength === undefined ? {} : { 'content-length': String(delivery.contentLength) }),
    ...answer.headers,
  })
  response.flushHeaders()
  if (delivery.stall === 'body') return until(gone.signal)
  const writer = new FaultyWriter(response, delivery, gone.signal)
  if (answer.raw !== undefined) {
    await writer.write(typeof answer.raw === 'string' ? bytesOf(answer.raw) : answer.raw)
  } else if (isSse) {
    await sendFrames(writer, answer.frames ?? framesOf(protocol, answer, model), delivery, protocol)
  } else {
    await writer.write(bytesOf(JSON.stringify(wires[protocol].body(answer, model))))
  }
  if (delivery.stall !== undefined) await until(gone.signal)
  response.end()
}

function readRequest({ body }: ReceivedRequest): { readonly model: string; readonly isStream: boolean } {
  const { model, stream } = (typeof body === 'object' && body !== null ? body : {}) as { model?: unknown; stream?: unknown }
  return { model: typeof model === 'string' ? model : 'unknown', isStream: stream === true }
}

function framesOf(protocol: Protocol, answer: ModelAnswer, model: string): readonly SseFrame[] {
  const frames = wires[protocol].frames(answer, model)
  return answer.delivery?.omitDone === true && answer.streamError === undefined ? frames.slice(0, -1) : frames
}

function sendError(response: ReplyTarget, protocol: Protocol, { error, headers }: ModelAnswer): void {
  if (error === undefined) return
  const body = error.body ?? wires[protocol].error(error)
  const type = typeof body === 'string' ? 'text/html' : 'application/json'
  response.writeHead(error.status, { 'content-type': type, 'x-request-id': 'req_scripted', ...headers, ...error.headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

async function sendFrames(writer: FaultyWriter, frames: readonly SseFrame[], delivery: Delivery, protocol: Protocol): Promise<void> {
  const lineEnd = delivery.lineEnd ?? '\n'
  const known = delivery.endless === undefined ? frames : frames.slice(0, -3)
  if (delivery.chunks === 'whole') writer.hold()
  for (const [index, frame] of known.entries()) {
    if (delivery.stall === index) return writer.release()
    if (delivery.disconnectAfterEvents === index) return writer.release().then(() => writer.disconnect())
    if (delivery.malformedAfterEvents === index) await writer.write(bytesOf(`data: {"broken": ${lineEnd}${lineEnd}`))
    if (index === 1 && delivery.hugeLineBytes !== undefined) await sendHugeLine(writer, delivery.hugeLineBytes)
    const isLast = index === known.length - 1
    const text = extras(delivery, protocol, lineEnd) + frameText(frame, lineEnd, !(isLast && delivery.omitLastLineEnd === true))
    await writer.write(bytesOf(text))
    if (writer.isOver) return
  }
  await writer.release()
  if (delivery.disconnectAfterEvents !== undefined) return writer.disconnect()
  if (delivery.endless === undefined) return
  if (delivery.endless === 'line') await writer.write(bytesOf('data: "'))
  const text = bytesOf(endlessText(delivery.endless, frames, lineEnd, protocol))
  while (!writer.isOver) await writer.write(text)
}

function extras({ comments, pings, unknownEvents }: Delivery, protocol: Protocol, lineEnd: string): string {
  let text = ''
  if (comments === true) text += `: a comment${lineEnd}${lineEnd}`
  if (pings === true) text += ping(protocol, lineEnd)
  if (unknownEvents === true) {
    text += frameText(
      { event: 'future_event', data: { type: 'future_event', object: 'future.thing', value: { deep: [1] } } },
      lineEnd,
      true,
    )
  }
  return text
}

function ping(protocol: Protocol, lineEnd: string): string {
  return protocol === 'anthropic' ? frameText({ event: 'ping', data: { type: 'ping' } }, lineEnd, true) : `: ping${lineEnd}${lineEnd}`
}

function endlessText(kind: NonNullable<Delivery['endless']>, frames: readonly SseFrame[], lineEnd: string, protocol: Protocol): string {
  if (kind === 'line') return 'x'.repeat(16_384)
  if (kind === 'pings') return ping(protocol, lineEnd)
  const text = frames.find(({ data }) => /text_delta|output_text\.delta|"content":"[^"]/.test(JSON.stringify(data)))
  return frameText(text ?? { data: {} }, lineEnd, true)
}

function frameText({ event, data }: SseFrame, lineEnd: string, hasLineEnd: boolean): string {
  const name = event === undefined ? '' : `event: ${event}${lineEnd}`
  return `${name}data: ${typeof data === 'string' ? data : JSON.stringify(data)}${hasLineEnd ? lineEnd + lineEnd : ''}`
}

async function sendHugeLine(writer: FaultyWriter, size: number): Promise<void> {
  await writer.write(bytesOf('data: "'))
  const block = bytesOf('x'.repeat(65_536))
  for (let sent = 0; sent < size && !writer.isOver; sent += block.length) await writer.write(block.subarray(0, size - sent))
  await writer.write(bytesOf('"\n\n'))
}

/** Writes bytes in the wanted pieces, each as one HTTP chunk, and breaks off where it should. */
class FaultyWriter {
  readonly #response: ReplyTarget
  readonly #delivery: Delivery
  readonly #gone: AbortSignal
  #sent = 0
  #held: Uint8Array[] | undefined

  constructor(response: ReplyTarget, delivery: Delivery, gone: AbortSignal) {
    this.#response = response
    this.#delivery = delivery
    this.#gone = gone
  }

  get isOver(): boolean {
    return this.#gone.aborted || this.#response.writableEnded
  }

  /** Keeps what is written until `release`. */
  hold(): void {
    this.#held = []
  }

  /** Writes what was kept, at once. */
  async release(): Promise<void> {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) await this.write(joined(held))
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#held !== undefined) {
      this.#held.push(bytes)
      return
    }
    for (const piece of cut(bytes, this.#delivery.chunks ?? 'event')) {
      if (this.isOver) return
      const limit = this.#delivery.disconnectAfterBytes ?? Number.POSITIVE_INFINITY
      const allowed = piece.subarray(0, Math.max(0, limit - this.#sent))
      this.#sent += allowed.length
      if (allowed.length > 0 && !this.#response.write(allowed)) await drained(this.#response, this.#gone)
      if (this.#sent >= limit) return this.disconnect()
    }
    // Yields between two writes; otherwise an endless answer would never notice that the client disconnects.
    await nextTurn()
  }

  disconnect(): void {
    if (this.#delivery.disconnect === 'end') this.#response.end()
    else this.#response.destroy()
  }
}

function* cut(bytes: Uint8Array, where: NonNullable<Delivery['chunks']>): Generator<Uint8Array, void, undefined> {
  if (where === 'event' || where === 'whole') {
    yield bytes
    return
  }
  let start = 0
  for (let index = 1; index <= bytes.length; index++) {
    if (index < bytes.length && !isCut(bytes, index, index - start, where)) continue
    yield bytes.subarray(start, index)
    start = index
  }
}

function isCut(bytes: Uint8Array, index: number, length: number, where: NonNullable<Delivery['chunks']>): boolean {
  if (typeof where === 'number') return length >= where
  // A byte of the form 10xxxxxx continues a character.
  if (where === 'character') return ((bytes[index] ?? 0) & 0xc0) === 0x80
  if (where === 'field') return isDataField(bytes, index - 2)
  if (where === 'line') return bytes[index - 1] === 10
  return false
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

const dataField = bytesOf('data:')

function isDataField(bytes: Uint8Array, start: number): boolean {
  return dataField.every((byte, index) => bytes[start + index] === byte)
}

/** Browsers have no `setImmediate`. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => (typeof setImmediate === 'function' ? setImmediate(resolve) : setTimeout(resolve)))
}

function drained(response: ReplyTarget, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (gone.aborted) return resolve()
    const finish = () => {
      response.off('drain', finish)
      gone.removeEventListener('abort', finish)
      resolve()
    }
    response.on('drain', finish)
    gone.addEventListener('abort', finish)
  })
}

function until(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function pause(delayMs: number, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(finish, delayMs)
    gone.addEventListener('abort', finish, { once: true })
  })
}
