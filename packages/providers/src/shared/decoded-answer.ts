/** Undoes the compression of an answer. None is asked for, but some gateways compress all the same. */
import type { Transform } from 'node:stream'
import type * as Zlib from 'node:zlib'
import type { HeaderReader } from './retry-after.ts'
import type { AnswerSink, IncomingAnswer } from './transport.ts'

/** More codings in a row are no answer, but an attack. */
const maxCodings = 3

/** Returns the codings that have to be undone, the last one applied first. */
export function codingsOf(headers: HeaderReader): readonly string[] {
  const value = headers.get('content-encoding')
  // Of nearly every answer.
  if (value === null) return []
  return value
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity')
    .reverse()
}

/** Resolves with the answer as it was before compression. Rejects with the code `ERR_CONTENT_ENCODING` for one that cannot be undone. */
export async function decodedAnswer(answer: IncomingAnswer, codings: readonly string[]): Promise<DecodedAnswer> {
  // Loaded when it is needed, which is rare.
  const zlib = await import('node:zlib')
  const makers = codings.map((coding) => decoders(zlib)[coding])
  const known = makers.filter((make) => make !== undefined)
  if (makers.length > maxCodings || known.length < makers.length) {
    throw Object.assign(new Error('The answer is compressed in an unknown way'), { code: 'ERR_CONTENT_ENCODING' })
  }
  return new DecodedAnswer(answer, (firstByte) => known.map((make, index) => make(index === 0 ? firstByte : zlibHeader)))
}

/** The lower half of the first byte of what zlib wrote. */
const zlibHeader = 8

type MakeDecoder = (firstByte: number) => Transform

function decoders(zlib: typeof Zlib): Readonly<Record<string, MakeDecoder | undefined>> {
  // What has arrived is passed on at once; an end without the mark of an end is the matter of the reader.
  const { Z_SYNC_FLUSH: flush, BROTLI_OPERATION_FLUSH: brotliFlush } = zlib.constants
  const options = { flush, finishFlush: flush }
  const gzip: MakeDecoder = () => zlib.createGunzip(options)
  return {
    gzip,
    'x-gzip': gzip,
    // Some servers leave the header of zlib out.
    deflate: (firstByte) => ((firstByte & 0x0f) === zlibHeader ? zlib.createInflate(options) : zlib.createInflateRaw(options)),
    br: () => zlib.createBrotliDecompress({ flush: brotliFlush, finishFlush: brotliFlush }),
    // Not in every version of Node.
    ...(zlib.createZstdDecompress === undefined ? {} : { zstd: () => zlib.createZstdDecompress() }),
  }
}

/**
 * Phases: `new → decoding → over`, the last one at the end, at an error or by `cancel`. Owns the decoders, and frees their memory when it is over. What comes out of
 * them is counted piece by piece by the reader, so a small body that grows without end is stopped by the limit of the answer.
 */
export class DecodedAnswer implements IncomingAnswer {
  readonly status: number
  readonly headers: HeaderReader
  readonly #answer: IncomingAnswer
  readonly #make: (firstByte: number) => readonly Transform[]
  #decoders: readonly Transform[] = []
  #isOver = false

  constructor(answer: IncomingAnswer, make: (firstByte: number) => readonly Transform[]) {
    this.status = answer.status
    this.headers = answer.headers
    this.#answer = answer
    this.#make = make
  }

  receive(sink: AnswerSink): void {
    this.#answer.receive({
      onPiece: (piece) => {
        if (this.#isOver || piece.byteLength === 0) return
        if (this.#decoders.length === 0) this.#begin(piece[0] ?? 0, sink)
        if (this.#decoders[0]?.write(piece) === true) this.#answer.more()
        else this.#answer.pause()
      },
      onEnd: () => {
        if (this.#decoders.length === 0) this.#end(() => sink.onEnd())
        else if (!this.#isOver) this.#decoders[0]?.end()
      },
      onError: (error) => this.#end(() => sink.onError(error)),
    })
  }

  #begin(firstByte: number, { onPiece, onEnd, onError }: AnswerSink): void {
    this.#decoders = this.#make(firstByte)
    for (const [index, decoder] of this.#decoders.entries()) {
      decoder.on('error', (error) => this.#end(() => onError(error)))
      const next = this.#decoders[index + 1]
      if (next !== undefined) decoder.pipe(next)
    }
    this.#decoders[0]?.on('drain', () => this.#answer.more())
    const last = this.#decoders.at(-1)
    last?.on('data', (piece: Uint8Array) => {
      if (!this.#isOver) onPiece(piece)
    })
    last?.on('end', () => this.#end(onEnd))
  }

  #end(tell: () => void): void {
    if (this.#isOver) return
    this.cancel()
    tell()
  }

  pause(): void {
    if (!this.#isOver) this.#decoders.at(-1)?.pause()
  }

  more(): void {
    if (this.#isOver) return
    if (this.#decoders.length === 0) this.#answer.more()
    else this.#decoders.at(-1)?.resume()
  }

  /** Frees the decoders; the connection is its owner's to close. */
  cancel(): void {
    this.#isOver = true
    for (const decoder of this.#decoders) decoder.destroy()
  }
}
