/** The tools of the configuration: made once, and given to the agents that name them. */
import { BeamClawError, type Logger, type Part, ProcessTable, type Sandbox, SubAgents, type Tool } from '@beamclaw/core'
import type { Browsers } from '@beamclaw/tools/browser'
import type { McpServer, McpServers } from '@beamclaw/tools/mcp'
import { inSection } from './config/in-section.ts'
import { nearestName } from './config/nearest-name.ts'
import type { AgentConfig, ToolsConfig } from './config/schema.ts'
import type { Settings } from './config/settings.ts'
import { sandboxOf, whyNoCommands } from './configured-sandbox.ts'
import { sharedWorkspaceAdvice, unsharedWorkspace, workspacesOf } from './configured-workspaces.ts'

/** A group of tools, as agents name them. */
type ToolGroup = NonNullable<AgentConfig['tools']>[number]

interface ToolParts {
  readonly processes: ProcessTable
  readonly sandbox: Sandbox
  readonly browsers: Browsers
  readonly mcp: McpServers | undefined
  readonly subAgents: SubAgents
}

export class ConfiguredTools {
  /** The parts of the tools. */
  readonly parts: readonly Part[]
  /** The background processes of `exec`; undefined without it. */
  readonly processes: ProcessTable | undefined
  readonly #groups: ReadonlyMap<ToolGroup, readonly Tool[]>
  /** The agents that others have started in the background. */
  readonly subAgents: SubAgents
  readonly #sandbox: Sandbox
  readonly #browsers: Browsers

  /** The servers of MCP; undefined without any. */
  readonly mcp: McpServers | undefined

  private constructor(groups: ReadonlyMap<ToolGroup, readonly Tool[]>, { processes, sandbox, browsers, mcp, subAgents }: ToolParts) {
    this.#groups = groups
    this.processes = processes
    this.mcp = mcp
    this.subAgents = subAgents
    this.#sandbox = sandbox
    this.#browsers = browsers
    this.parts = [processes, subAgents, browsers, ...(mcp === undefined ? [] : [mcp])]
  }

  /**
   * Makes the tools; `agentsNow` returns the agents as they are configured at the time. All groups are made: an agent may name one when the configuration is edited while the gateway runs. Rejects with the error of a tool that
   * refuses its options.
   */
  static async from(settings: Settings, logger: Logger, agentsNow = () => settings.agents): Promise<ConfiguredTools> {
    const { tools } = settings
    const kit = await import('@beamclaw/tools')
    const workspace = workspacesOf(settings)
    const sandbox = await inSection('exec', () => sandboxOf(settings, logger))
    const { memoryBytes } = tools.exec ?? {}
    const limits = memoryBytes === undefined ? {} : { limits: { memoryBytes } }
    const processes = await inSection('exec', () => new ProcessTable({ sandboxes: [sandbox], ...only(tools.exec, ['maxPerSession']) }))
    const exec = await inSection('exec', () =>
      kit.execTool({
        processes,
        sandbox,
        workspace,
        ...limits,
        ...only(tools.exec, ['network', 'yieldAfterMs', 'timeoutMs', 'rememberable']),
      }),
    )
    const files = await inSection('files', () => kit.filesTools({ workspace, ...tools.files }))
    const web = await inSection('web', () => webOf(tools.web))
    const { Browsers, browserTool } = await import('@beamclaw/tools/browser')
    // Chromium is looked for when a page is opened, so a machine without one has the group too.
    const browsers = await inSection('browser', () => new Browsers(tools.browser))
    const groups = new Map<ToolGroup, readonly Tool[]>([
      ['exec', [exec, kit.processTool({ processes })]],
      ['files', files],
      ['web', web],
      ['browser', [browserTool({ browsers, workspace })]],
    ])
    const subAgents = await inSection(
      'subAgents',
      () => new SubAgents({ ...tools.subAgents, agents: (parent) => spawnableBy(agentsNow()[parent]) }),
    )
    const mcp = await inSection('mcp', () => mcpOf(tools, logger))
    return new ConfiguredTools(groups, { processes, sandbox, browsers, mcp, subAgents })
  }

  /** Logs which tools of the agents cannot work on this machine, or will not on another: their calls alone would tell otherwise. */
  async logUnavailable(settings: Settings, logger: Logger): Promise<void> {
    const { tools, agents } = settings
    const path = unsharedWorkspace(settings)
    if (path !== undefined) logger.log('warn', 'tools.workspace-not-shared', { path, advice: sharedWorkspaceAdvice })
    const reason = await whyNoCommands(tools, this.#sandbox)
    if (reason !== undefined) logger.log('warn', 'tools.no-sandbox', { sandbox: tools.exec?.sandbox ?? 'auto', reason })
    if (!Object.values(agents).some((agent) => agent.tools?.includes('browser'))) return
    const browser = await this.#browsers.probe()
    if (!browser.isAvailable) logger.log('warn', 'tools.no-browser', { reason: browser.reason })
  }

  /** Returns the tools of an agent: those of its groups, and those for its sub-agents. */
  of(agent: Pick<AgentConfig, 'tools' | 'subAgents'>): readonly Tool[] {
    const tools = (agent.tools ?? []).flatMap((group, index) => this.#groups.get(group) ?? this.#ofServers(group, index))
    if (spawnableBy(agent).length > 0) tools.push(this.subAgents.spawnTool(), this.subAgents.manageTool())
    // A group may stand twice, and those of `mcp` and `mcp:<server>` may be the same.
    return [...new Map(tools.map((tool) => [tool.declaration.name, tool])).values()]
  }

  #ofServers(group: ToolGroup, index: number): readonly Tool[] {
    const [, server] = group.split(':')
    const known = this.mcp?.servers ?? []
    if (server === undefined || known.includes(server)) return this.mcp?.tools(server) ?? []
    const nearest = nearestName(server, known)
    const hint = nearest !== undefined ? `did you mean "${nearest}"?` : known.length > 0 ? `known are ${known.join(', ')}` : 'it is empty'
    const problem = `there is no server "${server}" in tools.mcp; ${hint}`
    throw new BeamClawError('invalid-option', problem, { details: { option: `tools.${index}` } })
  }
}

function spawnableBy({ subAgents = [] }: Pick<AgentConfig, 'subAgents'> = {}): 'all' | readonly string[] {
  return subAgents.includes('*') ? 'all' : subAgents
}

/** Returns the servers of MCP, none of them connected; undefined where none is configured. Rejects `invalid-option`. */
export async function mcpOf({ mcp }: ToolsConfig, logger: Logger): Promise<McpServers | undefined> {
  if (mcp === undefined || Object.keys(mcp).length === 0) return undefined
  const { McpServers } = await import('@beamclaw/tools/mcp')
  return new McpServers({ servers: mcp as Readonly<Record<string, McpServer>>, logger })
}

async function webOf({ search, ...reach }: NonNullable<ToolsConfig['web']> = {}): Promise<readonly Tool[]> {
  const kit = await import('@beamclaw/tools')
  const fetch = kit.webFetchTool(reach)
  switch (search?.type) {
    case undefined:
      return [fetch]
    case 'brave':
      return [fetch, kit.webSearchTool({ provider: new kit.BraveSearch({ apiKey: search.apiKey }) })]
    case 'tavily':
      return [fetch, kit.webSearchTool({ provider: new kit.TavilySearch({ apiKey: search.apiKey }) })]
    case 'searxng':
      return [fetch, kit.webSearchTool({ provider: new kit.SearxngSearch({ baseUrl: search.baseUrl }) })]
  }
}

function only<T extends object, K extends keyof T>(value: T | undefined, names: readonly K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(names.flatMap((name) => (value?.[name] === undefined ? [] : [[name, value[name]]]))) as Partial<Pick<T, K>>
}
