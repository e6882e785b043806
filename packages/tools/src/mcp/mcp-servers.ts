/** Servers of the Model Context Protocol as tools of agents. */
import {
  BeamClawError,
  defaultTenant,
  type Part,
  type PartHost,
  type PartSpec,
  type Supervisor,
  silentLogger,
  type Tool,
} from '@beamclaw/core'
import { describeError } from '@beamclaw/core/adapter'
import { isForgotten } from './failures.ts'
import { McpConnection } from './mcp-connection.ts'
import { unavailable, wordsOf } from './mcp-errors.ts'
import { type McpServer, type McpServersOptions, type McpSettings, mcpSettings } from './mcp-options.ts'
import { resourceToolNames, resourceTools, type ToolSite, toolOf } from './mcp-tool.ts'
import { ServerPrograms } from './server-process.ts'
import { TenantServers } from './tenant-servers.ts'
import { type ToolListing, toolListing } from './tool-listing.ts'

/** What was found out about a server. */
export interface McpServerReport {
  readonly server: string
  /** False when it could not be connected, or did not list its tools; `problems` says why. */
  readonly isReady: boolean
  /** Revision of the protocol. */
  readonly protocol?: string
  /** Names of its tools, as models call them. */
  readonly tools: readonly string[]
  readonly hasResources: boolean
  readonly hasPrompts: boolean
  /** What is wrong: why it is not ready, or which tools were left out, and why. */
  readonly problems: readonly string[]
  /** Milliseconds that it took to connect and to list. */
  readonly ms: number
}

/** A prompt that a server offers. */
export interface McpPrompt {
  readonly name: string
  readonly description: string
  readonly arguments: readonly { readonly name: string; readonly isRequired: boolean }[]
}

/** A message of a prompt. Its text is the server's: not trusted. */
export interface McpPromptMessage {
  readonly role: 'user' | 'assistant'
  readonly text: string
}

interface Known extends ToolListing {
  readonly hasResources: boolean
}

/**
 * A part that connects servers of MCP, each in every tenant on its own, and makes tools of theirs for agents.
 *
 * Phases: `discover` comes before the agents are defined; `start` is called by the BeamClaw, once in each tenant.
 * Owns what is known of each server, and in each tenant that runs the connections, which its supervisor restarts.
 *
 * I1  A call goes over the connection of the tenant that calls.
 * I2  The tools of a server change by `discover` alone, or when the server says so.
 *
 * Throws `invalid-option`.
 *
 * @example
 * const mcp = new McpServers({ servers: { docs: { url: 'https://docs.example/mcp' } } })
 * await mcp.discover()
 * const claw = new BeamClaw({ providers, parts: [mcp], agents: [{ id: 'main', model, tools: mcp.tools('docs') }] })
 */
export class McpServers implements Part<Supervisor> {
  readonly id = 'mcp'
  readonly level = 'tenant'
  readonly #options: McpSettings
  readonly #programs: ServerPrograms
  readonly #known = new Map<string, Known>()
  readonly #tenants = new Map<string, TenantServers>()
  readonly #listeners = new Set<(server: string) => void>()

  constructor(options: McpServersOptions) {
    this.#options = mcpSettings(options)
    this.#programs = new ServerPrograms(options.logger)
  }

  /** Names of all servers. */
  get servers(): readonly string[] {
    return Object.keys(this.#options.servers)
  }

  /**
   * Connects each server once, lists its tools, and ends the connection. Resolves with a report for each: one that cannot be connected keeps no other from its
   * tools. Call it again to find out what has changed. Rejects `invalid-option` for a name that is no server.
   */
  discover(servers: readonly string[] = this.servers): Promise<readonly McpServerReport[]> {
    return Promise.all(servers.map((server) => this.#discover(server, this.#serverOf(server))))
  }

  /** Returns the tools of one server, or of all, as they are known now; none of a server that was not discovered. Throws `invalid-option`. */
  tools(server?: string): readonly Tool[] {
    if (server === undefined) return this.servers.flatMap((name) => this.tools(name))
    const config = this.#serverOf(server)
    const known = this.#known.get(server)
    if (known === undefined) return []
    const site = this.#siteOf(server, config)
    return [...known.tools.map((listed) => toolOf(listed, site)), ...(known.hasResources ? resourceTools(site) : [])]
  }

  /** Calls the listener when the tools of a server have changed, or are known for the first time: `tools` returns the new ones, for `updateAgents`. Returns what ends that. */
  onToolsChanged(listener: (server: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Resolves with the prompts that a server offers. Rejects `mcp-unavailable`, `mcp-timeout`, `mcp-call-lost` and `mcp-refused`. */
  async prompts(server: string, tenant: string = defaultTenant): Promise<readonly McpPrompt[]> {
    this.#serverOf(server)
    const prompts = await this.#use(server, tenant, (connection) => connection.listPrompts())
    return prompts.map(({ name, description = '', arguments: given = [] }) => ({
      name,
      description: wordsOf(description),
      arguments: given.map((one) => ({ name: one.name, isRequired: one.required === true })),
    }))
  }

  /** Resolves with the messages of a prompt: their texts, bounded by `maxMessageBytes`. Rejects as `prompts` does. */
  async prompt(
    server: string,
    name: string,
    args: Readonly<Record<string, string>> = {},
    tenant: string = defaultTenant,
  ): Promise<readonly McpPromptMessage[]> {
    this.#serverOf(server)
    const { messages } = await this.#use(server, tenant, (connection) => connection.prompt(name, args))
    return messages.map(({ role, content }) => ({ role, text: content.type === 'text' ? content.text : `[${content.type}]` }))
  }

  start(host: PartHost): PartSpec<Supervisor> {
    return {
      start: () => {
        if (this.#tenants.get(host.tenant)?.supervisor.isAlive === true) throw alreadyUsed()
        const servers = new TenantServers(
          this.servers.map((name) => ({
            ...this.#partsOf(name, this.#serverOf(name)),
            onToolsChanged: (connection) => void this.#changed(name, connection),
          })),
        )
        this.#tenants.set(host.tenant, servers)
        return servers.supervisor
      },
    }
  }

  async #discover(name: string, server: McpServer): Promise<McpServerReport> {
    const begin = performance.now()
    const about = { server: name, hasResources: false, hasPrompts: false, tools: [] }
    const msSince = (): number => Math.round(performance.now() - begin)
    let connection: McpConnection | undefined
    try {
      connection = await McpConnection.open(this.#partsOf(name, server), () => undefined)
      const listing = await this.#learn(name, connection)
      const { protocol, hasPrompts, hasResources } = connection
      const tools = this.tools(name).map(({ declaration }) => declaration.name)
      return { ...about, isReady: true, protocol, hasPrompts, hasResources, tools, problems: listing.problems, ms: msSince() }
    } catch (error) {
      this.#log('warn', 'mcp.not-ready', { server: name, error: describeError(error) })
      return { ...about, isReady: false, problems: [describeError(error)], ms: msSince() }
    } finally {
      await connection?.close()
    }
  }

  /** Lists the tools of a server, and tells the listeners when they are others than before. */
  async #learn(name: string, connection: McpConnection): Promise<ToolListing> {
    const { hasResources } = connection
    const taken = hasResources ? resourceToolNames(name) : []
    const listing = toolListing(name, await connection.listTools(), this.#options.maxTools, taken)
    for (const problem of listing.problems) this.#log('warn', 'mcp.tool-refused', { server: name, problem })
    const before = this.#known.get(name)
    const known = { ...listing, hasResources }
    this.#known.set(name, known)
    if (JSON.stringify(before) !== JSON.stringify(known)) this.#tell(name)
    return listing
  }

  async #changed(name: string, connection: McpConnection): Promise<void> {
    try {
      await this.#learn(name, connection)
    } catch (error) {
      this.#log('warn', 'mcp.not-listed', { server: name, error: describeError(error) })
    }
  }

  #tell(server: string): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(server)
      } catch (error) {
        this.#log('error', 'mcp.listener-failed', { server, error: describeError(error) })
      }
    }
  }

  async #use<T>(server: string, tenant: string, request: (connection: McpConnection) => Promise<T>): Promise<T> {
    const servers = this.#tenants.get(tenant)
    if (servers?.supervisor.isAlive !== true) {
      throw unavailable(server, `its part does not run in tenant "${tenant}"; give the McpServers to \`parts\` of the BeamClaw.`)
    }
    const connection = await servers.connection(server)
    try {
      return await request(connection)
    } catch (error) {
      if (isForgotten(error)) servers.forget(server)
      throw error
    }
  }

  #siteOf(server: string, { trustAnnotations = false }: McpServer): ToolSite {
    const { callTimeoutMs, startTimeoutMs, askMode } = this.#options
    const use: ToolSite['use'] = (tenant, request) => this.#use(server, tenant, request)
    return { server, trustAnnotations, callTimeoutMs, startTimeoutMs, askMode, use }
  }

  #partsOf(name: string, server: McpServer) {
    const { logger = silentLogger } = this.#options
    return { name, server, programs: this.#programs, limits: this.#options, logger }
  }

  #serverOf(name: string): McpServer {
    const { servers } = this.#options
    const server = Object.hasOwn(servers, name) ? servers[name] : undefined
    if (server !== undefined) return server
    const problem = `McpServers: there is no server "${name.slice(0, 64)}"; there are: ${this.servers.join(', ') || 'none'}`
    throw new BeamClawError('invalid-option', problem, { details: { owner: 'McpServers' } })
  }

  #log(level: 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#options.logger?.log(level, message, fields)
  }
}

function alreadyUsed(): BeamClawError {
  const problem = 'McpServers: these servers are a part of a BeamClaw that runs; make others for each'
  return new BeamClawError('invalid-option', problem, { details: { owner: 'McpServers' } })
}
