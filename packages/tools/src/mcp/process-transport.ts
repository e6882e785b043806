/** The stdio transport: one JSON-RPC message on each line of a program's input and output, all of it bounded. */
import { type CommandExit, type Logger, type SandboxProcess, SystemClock, silentLogger } from '@beamclaw/core'
import { sleep } from '@beamclaw/core/adapter'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/client'
import { LineReader } from './line-reader.ts'
import { wordsOf } from './mcp-errors.ts'
import type { McpProgram } from './mcp-options.ts'
import type { ServerPrograms } from './server-process.ts'

/** What a transport is made of. */
export interface ProcessTransportParts {
  readonly server: string
  readonly program: McpProgram
  readonly programs: ServerPrograms
  /** Returns the error for a message that is none, and checks it otherwise. */
  readonly parse: (line: string) => JSONRPCMessage
  readonly maxMessageBytes: number
  readonly logger?: Logger
}

type Phase =
  | { readonly name: 'new' }
  | { readonly name: 'running'; readonly process: SandboxProcess }
  | { readonly name: 'closed'; readonly why: string | undefined }

/** Milliseconds that a server has to end by itself once its input is closed, and then on SIGTERM. */
const graceMs = 500
/** Lines of the error output of one process that are logged, and characters of one. */
const maxErrorLines = 200
const maxErrorCharacters = 500
/** Lines that are no message, before the server is given up. */
const maxBadLines = 100

/**
 * Phases: `new` → `running` → `closed`.
 *
 * Owns the process, from `start` until its exit.
 *
 * I1  `onclose` is called once, and no `onmessage` after it.
 * I2  A message of the server has at most `maxMessageBytes`, and what it has not read yet at most four times as many: a server beyond is killed.
 */
export class ProcessTransport implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport['onmessage']>
  /** By these two the client knows that it speaks to a program: silence then means an old one. */
  readonly stderr = null
  readonly #parts: ProcessTransportParts
  readonly #exit = Promise.withResolvers<void>()
  readonly #lines: LineReader
  #phase: Phase = { name: 'new' }
  #unread = 0
  #errorLines = 0
  #badLines = 0

  constructor(parts: ProcessTransportParts) {
    this.#parts = parts
    this.#lines = new LineReader(parts.maxMessageBytes)
  }

  get pid(): number | null {
    return this.#phase.name === 'running' ? (this.#phase.process.pid ?? null) : null
  }

  /** Why the connection is over; undefined while it is not, and when this side has ended it. */
  get closedBecause(): string | undefined {
    return this.#phase.name === 'closed' ? this.#phase.why : undefined
  }

  async start(): Promise<void> {
    if (this.#phase.name !== 'new') throw new Error('The transport has been started')
    const running = await this.#parts.programs.start(this.#parts.program, {
      onOutput: (chunk, stream) => (stream === 'stderr' ? this.#onErrorOutput(chunk) : this.#onOutput(chunk)),
      onExit: (exit) => this.#onExit(exit),
    })
    // Closed, or over, while it started.
    if ((this.#phase as Phase).name === 'closed') return void (await running.signal('SIGKILL'))
    this.#phase = { name: 'running', process: running }
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const phase = this.#phase
    if (phase.name !== 'running') throw new Error('The server does not run')
    const line = Buffer.from(`${JSON.stringify(message)}\n`)
    if (this.#unread + line.byteLength > this.#parts.maxMessageBytes * 4) {
      this.#end('it does not read its input')
      throw new Error('The server does not read its input')
    }
    this.#unread += line.byteLength
    try {
      await phase.process.write(line)
    } finally {
      this.#unread -= line.byteLength
    }
  }

  async close(): Promise<void> {
    const phase = this.#phase
    this.#closed()
    if (phase.name !== 'running') return
    const { process } = phase
    // A write that the server never reads would hold up the end of its input.
    void process.endInput()
    if (await this.#exitsWithin(graceMs)) return
    await process.signal('SIGTERM')
    if (await this.#exitsWithin(graceMs)) return
    await process.signal('SIGKILL')
    await this.#exitsWithin(graceMs * 4)
  }

  /** Ends the process at once, with no chance to do anything. */
  kill(): void {
    this.#end()
  }

  #end(why?: string): void {
    const phase = this.#phase
    this.#closed(why)
    if (phase.name === 'running') phase.process.signal('SIGKILL').catch(() => undefined)
  }

  #onOutput(chunk: Uint8Array): void {
    if (this.#phase.name === 'closed') return
    const lines = this.#lines.push(chunk)
    if (lines === undefined) return this.#end(`it sent a message of more than ${this.#parts.maxMessageBytes} bytes`)
    for (const line of lines) if (line.trim() !== '') this.#onLine(line)
  }

  #onLine(line: string): void {
    if (this.#phase.name === 'closed') return
    let message: JSONRPCMessage
    try {
      message = this.#parts.parse(line)
    } catch {
      // Programs print things by mistake; one that prints nothing else is no server.
      this.#badLines++
      if (this.#badLines > maxBadLines) return this.#end('what it prints are no messages of MCP')
      return this.onerror?.(new Error('A line of the server is no message of MCP'))
    }
    this.onmessage?.(message)
  }

  #onErrorOutput(chunk: Uint8Array): void {
    const { logger = silentLogger, server } = this.#parts
    for (const line of Buffer.from(chunk.subarray(0, maxErrorLines * maxErrorCharacters))
      .toString('utf8')
      .split('\n')) {
      if (line.trim() === '' || this.#errorLines > maxErrorLines) continue
      this.#errorLines++
      const isLast = this.#errorLines > maxErrorLines
      logger.log('info', 'mcp.stderr', { server, line: isLast ? '… no more of it is logged' : wordsOf(line, maxErrorCharacters) })
    }
  }

  #onExit({ code, signal }: CommandExit): void {
    this.#exit.resolve()
    this.#closed(signal === undefined ? `its process ended with status ${code ?? 'unknown'}` : `its process was ended by ${signal}`)
  }

  #closed(why?: string): void {
    if (this.#phase.name === 'closed') return
    this.#phase = { name: 'closed', why }
    this.onclose?.()
  }

  async #exitsWithin(ms: number): Promise<boolean> {
    const over = new AbortController()
    const exited = this.#exit.promise.then(() => true)
    const late = sleep(new SystemClock(), ms, over.signal).then(
      () => false,
      () => false,
    )
    const hasExited = await Promise.race([exited, late])
    over.abort()
    return hasExited
  }
}
