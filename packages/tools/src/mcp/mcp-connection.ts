/** One connection to one server, by the official client of the protocol: what is asked over it has a deadline, and what fails is typed. */
import { type BeamClawError, type Logger, silentLogger } from '@beamclaw/core'
import type {
  CallToolResult,
  Client,
  ClientOptions,
  GetPromptResult,
  Prompt,
  ReadResourceResult,
  Resource,
  Tool,
  Transport,
} from '@modelcontextprotocol/client'
import { callFailure, startFailure } from './failures.ts'
import { serverFetch } from './http-transport.ts'
import { readableTools } from './list-filter.ts'
import type { McpServer, McpSettings } from './mcp-options.ts'
import { ProcessTransport } from './process-transport.ts'
import type { ServerPrograms } from './server-process.ts'

/** What a connection is made of. */
export interface ConnectionParts {
  readonly name: string
  readonly server: McpServer
  readonly programs: ServerPrograms
  readonly limits: Pick<McpSettings, 'callTimeoutMs' | 'startTimeoutMs' | 'maxMessageBytes'>
  readonly logger?: Logger
  /** Called when the server says that its tools are others now. */
  readonly onToolsChanged?: () => void
}

/** One call of a tool. */
export interface ServerCall {
  readonly tool: Tool
  readonly input: Record<string, unknown>
  /** Sent with the call: a call that broke off may be sent anew, and a server that knows the key runs it once. */
  readonly callKey: string
  readonly signal: AbortSignal
  readonly onProgress: (progress: {
    readonly progress: number
    readonly total?: number | undefined
    readonly message?: string | undefined
  }) => void
}

/** The tools of a server. */
export interface ListedByServer {
  readonly tools: readonly Tool[]
  /** One sentence for each tool that is not one of the protocol. */
  readonly unreadable: readonly string[]
}

/** The transport of one kind of server, and the ways to end it. */
interface Line {
  readonly transport: Transport
  /** Why it is over; undefined while it is not known to be. */
  readonly closedBecause: () => string | undefined
  /** Lets go of what the transport does not own. */
  readonly release: () => void
}

const clientInfo = { name: 'beamclaw', version: '1' }
/** Pages of one list. */
const maxPages = 16

/**
 * Phases: `open` → `closed`.
 *
 * Owns its transport, and with it the process of a program.
 *
 * I1  `onLost` is called at most once, and not after `close` or `kill`.
 */
export class McpConnection {
  readonly #parts: ConnectionParts
  readonly #client: Client
  readonly #line: Line
  #isClosed = false
  /** Why tools of the list that is being read are left out. */
  #unreadable: string[] = []

  private constructor(parts: ConnectionParts, client: Client, line: Line) {
    this.#parts = parts
    this.#client = client
    this.#line = line
  }

  /** Connects, within `startTimeoutMs`. Rejects `mcp-unavailable`, and with the reason of `signal`. */
  static async open(parts: ConnectionParts, onLost: (why: string) => void, signal?: AbortSignal): Promise<McpConnection> {
    const { protocol = 'auto' } = parts.server
    try {
      return await McpConnection.#connect(parts, protocol, onLost, signal)
    } catch (error) {
      signal?.throwIfAborted()
      // Some programs of the older revision end when they are asked for the newer one.
      if (protocol === 'auto' && 'command' in parts.server && (error as { details?: { ended?: boolean } }).details?.ended === true) {
        return McpConnection.#connect(parts, '2025-11-25', onLost, signal)
      }
      throw error
    }
  }

  static async #connect(
    parts: ConnectionParts,
    protocol: NonNullable<McpServer['protocol']>,
    onLost: (why: string) => void,
    signal: AbortSignal | undefined,
  ): Promise<McpConnection> {
    // Loaded with the first connection: the library takes longer to load than this package.
    const { Client: SdkClient, isSpecType } = await import('@modelcontextprotocol/client')
    const { startTimeoutMs } = parts.limits
    const client = new SdkClient(clientInfo, { ...clientOptions(protocol, startTimeoutMs), ...listener(parts) })
    const line = await lineOf(parts)
    const connection = new McpConnection(parts, client, line)
    client.onclose = () => {
      if (connection.#isClosed) return
      connection.#isClosed = true
      onLost(line.closedBecause() ?? 'the connection ended')
    }
    // The client reads a message after this, and refuses a list as a whole.
    const isTool = (tool: unknown): boolean => {
      if (!isSpecType.Tool(tool)) return false
      // The older revision takes output of type "object" alone, as it does for input.
      return client.getProtocolEra() === 'modern' || isSpecType.Tool({ ...tool, inputSchema: tool.outputSchema ?? tool.inputSchema })
    }
    line.transport.onmessage = (message) => connection.#onMessage(message, isTool)
    client.onerror = (error) => parts.logger?.log('debug', 'mcp.trouble', { server: parts.name, error: error.message.slice(0, 500) })
    const deadline = AbortSignal.timeout(startTimeoutMs)
    const both = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
    const onLate = (): void => connection.kill()
    both.addEventListener('abort', onLate, { once: true })
    // What ends while it starts is told by the error of the start.
    connection.#isClosed = true
    try {
      await client.connect(line.transport, { timeout: startTimeoutMs, signal: both })
      both.throwIfAborted()
      // From here on the end of the connection is told to its owner; an end before that is this one's to tell.
      if (line.closedBecause() !== undefined) throw new Error('The connection ended at once')
      connection.#isClosed = false
      return connection
    } catch (error) {
      const ended = line.closedBecause()
      connection.kill()
      signal?.throwIfAborted()
      throw startFailure(parts.name, error, { ended, timeoutMs: deadline.aborted ? startTimeoutMs : undefined })
    } finally {
      both.removeEventListener('abort', onLate)
    }
  }

  /** The revision of the protocol that both speak. */
  get protocol(): string {
    return this.#client.getNegotiatedProtocolVersion() ?? 'unknown'
  }

  get hasResources(): boolean {
    return this.#client.getServerCapabilities()?.resources !== undefined
  }

  get hasPrompts(): boolean {
    return this.#client.getServerCapabilities()?.prompts !== undefined
  }

  /** Resolves with the tools that can be read, and with why others cannot. Rejects as a call does. */
  async listTools(): Promise<ListedByServer> {
    this.#unreadable = []
    const { tools } = await this.#ask(
      (options) => this.#client.listTools(undefined, { ...options, cacheMode: 'refresh' }),
      this.#starting(),
    )
    return { tools, unreadable: this.#unreadable }
  }

  /** Rejects as a call does. */
  async listResources(signal?: AbortSignal): Promise<readonly Resource[]> {
    return (await this.#ask((options) => this.#client.listResources(undefined, options), this.#calling(signal))).resources
  }

  /** Rejects as a call does. */
  readResource(uri: string, signal?: AbortSignal): Promise<ReadResourceResult> {
    return this.#ask((options) => this.#client.readResource({ uri }, { ...options, cacheMode: 'bypass' }), this.#calling(signal))
  }

  /** Rejects as a call does. */
  async listPrompts(): Promise<readonly Prompt[]> {
    return (await this.#ask((options) => this.#client.listPrompts(undefined, options), this.#calling())).prompts
  }

  /** Rejects as a call does. */
  prompt(name: string, args: Readonly<Record<string, string>>): Promise<GetPromptResult> {
    return this.#ask((options) => this.#client.getPrompt({ name, arguments: { ...args } }, options), this.#calling())
  }

  /**
   * Calls a tool once. Rejects `mcp-unavailable` when nothing was sent, `mcp-timeout`, `mcp-call-lost` when the connection ended, so that the outcome
   * is not known, `mcp-refused` for an error of the server, and with the reason of `signal`.
   */
  call({ tool, input, callKey, signal, onProgress }: ServerCall): Promise<CallToolResult> {
    const params = { name: tool.name, arguments: input, _meta: { 'beamclaw/callKey': callKey } }
    return this.#ask(
      (options) => this.#client.callTool(params, { ...options, onprogress: onProgress, toolDefinition: tool }),
      this.#calling(signal),
    )
  }

  /** Ends the connection: a program gets a second to end by itself. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#client.close().catch(() => undefined)
    await this.#line.transport.close().catch(() => undefined)
    this.#line.release()
  }

  /** Ends the connection at once. */
  kill(): void {
    this.#isClosed = true
    const { transport, release } = this.#line
    if (transport instanceof ProcessTransport) transport.kill()
    else transport.close().catch(() => undefined)
    release()
  }

  #onMessage(message: object, isTool: (value: unknown) => boolean): void {
    const { result } = message as { readonly result?: { tools?: unknown } }
    if (!Array.isArray(result?.tools)) return
    const { tools, problems } = readableTools(result.tools, isTool)
    result.tools = tools
    this.#unreadable.push(...problems)
  }

  #starting(): AskOptions {
    return { timeout: this.#parts.limits.startTimeoutMs, signal: undefined }
  }

  #calling(signal?: AbortSignal): AskOptions {
    return { timeout: this.#parts.limits.callTimeoutMs, signal }
  }

  /** One deadline for all that a request takes: a server must not keep a call alive by progress or pages. */
  async #ask<T>(
    ask: (options: { timeout: number; maxTotalTimeout: number; signal: AbortSignal }) => Promise<T>,
    options: AskOptions,
  ): Promise<T> {
    const { timeout, signal } = options
    signal?.throwIfAborted()
    const deadline = AbortSignal.timeout(timeout)
    const both = signal === undefined ? deadline : AbortSignal.any([deadline, signal])
    const wasClosed = this.#isClosed
    try {
      return await ask({ timeout, maxTotalTimeout: timeout, signal: both })
    } catch (error) {
      signal?.throwIfAborted()
      throw this.#failure(error, wasClosed, deadline.aborted ? timeout : undefined)
    }
  }

  #failure(error: unknown, wasClosed: boolean, timeoutMs: number | undefined): BeamClawError {
    return callFailure(this.#parts.name, error, { ended: this.#line.closedBecause(), wasClosed, timeoutMs })
  }
}

interface AskOptions {
  readonly timeout: number
  readonly signal: AbortSignal | undefined
}

function clientOptions(protocol: NonNullable<McpServer['protocol']>, startTimeoutMs: number): ClientOptions {
  return {
    // Neither questions to people, nor requests to models, nor folders of this machine are for servers.
    capabilities: {},
    listMaxPages: maxPages,
    // A schema of a stranger is not compiled here: it could take forever. What comes back is for a model, and marked as words of others.
    jsonSchemaValidator: { getValidator: () => (input) => ({ valid: true, data: input as never, errorMessage: undefined }) },
    versionNegotiation:
      protocol === 'auto'
        ? { mode: 'auto', probe: { timeoutMs: Math.ceil(startTimeoutMs / 2) } }
        : { mode: protocol === '2025-11-25' ? 'legacy' : { pin: protocol } },
  }
}

function listener({ onToolsChanged }: ConnectionParts): Pick<ClientOptions, 'listChanged'> {
  if (onToolsChanged === undefined) return {}
  return { listChanged: { tools: { autoRefresh: false, onChanged: () => onToolsChanged() } } }
}

async function lineOf({ name, server, programs, limits: { maxMessageBytes }, logger = silentLogger }: ConnectionParts): Promise<Line> {
  const { parseJSONRPCMessage, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
  if ('command' in server) {
    const parse = (line: string) => parseJSONRPCMessage(JSON.parse(line))
    const transport = new ProcessTransport({ server: name, program: server, programs, parse, maxMessageBytes, logger })
    return { transport, closedBecause: () => transport.closedBecause, release: () => undefined }
  }
  const url = new URL(server.url)
  let closedBecause: string | undefined
  const { fetch, close } = await serverFetch(url, maxMessageBytes, (why) => {
    closedBecause ??= why
    transport.close().catch(() => undefined)
  })
  const transport = new StreamableHTTPClientTransport(url, { fetch, requestInit: { headers: { ...server.headers } } })
  // Its optional fields may be undefined, which the type of the client rules out.
  return { transport: transport as Transport, closedBecause: () => closedBecause, release: close }
}
