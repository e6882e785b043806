/** The tools of the configuration: made once, and given to the agents that name them. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { BeamClawError, type Logger, type Part, ProcessTable, type Sandbox, SubAgents, type Tool } from '@beamclaw/core'
import type { McpServer, McpServers } from '@beamclaw/tools/mcp'
import type { AgentConfig, ToolsConfig } from './config/schema.ts'
import type { Settings } from './config/settings.ts'

/** A group of tools, as agents name them. */
type ToolGroup = NonNullable<AgentConfig['tools']>[number]

interface ToolParts {
  readonly processes: ProcessTable
  readonly mcp: McpServers | undefined
  readonly subAgents: SubAgents
  readonly others: readonly Part[]
}

export class ConfiguredTools {
  /** The parts of the tools. */
  readonly parts: readonly Part[]
  /** The background processes of `exec`; undefined without it. */
  readonly processes: ProcessTable | undefined
  readonly #groups: ReadonlyMap<ToolGroup, readonly Tool[]>
  readonly #subAgents: SubAgents

  /** The servers of MCP; undefined without any. */
  readonly mcp: McpServers | undefined

  private constructor(groups: ReadonlyMap<ToolGroup, readonly Tool[]>, { processes, mcp, subAgents, others }: ToolParts) {
    this.#groups = groups
    this.processes = processes
    this.mcp = mcp
    this.#subAgents = subAgents
    this.parts = [processes, subAgents, ...others, ...(mcp === undefined ? [] : [mcp])]
  }

  /**
   * Makes the tools; `agentsNow` returns the agents as they are configured at the time. All groups are made: an agent may name one when the configuration is edited while the gateway runs. Rejects with the error of a tool that
   * refuses its options.
   */
  static async from(settings: Settings, logger: Logger, agentsNow = () => settings.agents): Promise<ConfiguredTools> {
    const { tools } = settings
    const kit = await import('@beamclaw/tools')
    const workspace = workspacesOf(settings)
    const sandbox = await sandboxOf(settings, logger)
    const processes = new ProcessTable({ sandboxes: [sandbox], ...only(tools.exec, ['maxPerSession']) })
    const { memoryBytes } = tools.exec ?? {}
    const limits = memoryBytes === undefined ? {} : { limits: { memoryBytes } }
    const exec = kit.execTool({ processes, sandbox, workspace, ...limits, ...only(tools.exec, ['network', 'yieldAfterMs', 'timeoutMs']) })
    const files = kit.filesTools({ workspace, ...tools.files })
    const { search, ...reach } = tools.web ?? {}
    const web: Tool[] = [kit.webFetchTool(reach)]
    if (search?.type === 'brave') web.push(kit.webSearchTool({ provider: new kit.BraveSearch({ apiKey: search.apiKey }) }))
    if (search?.type === 'tavily') web.push(kit.webSearchTool({ provider: new kit.TavilySearch({ apiKey: search.apiKey }) }))
    if (search?.type === 'searxng') web.push(kit.webSearchTool({ provider: new kit.SearxngSearch({ baseUrl: search.baseUrl }) }))
    const { Browsers, browserTool } = await import('@beamclaw/tools/browser')
    // Chromium is looked for when a page is opened, so a machine without one has the group too.
    const browsers = new Browsers(tools.browser)
    const groups = new Map<ToolGroup, readonly Tool[]>([
      ['exec', [exec, kit.processTool({ processes })]],
      ['files', files],
      ['web', web],
      ['browser', [browserTool({ browsers, workspace })]],
    ])
    const subAgents = new SubAgents({ ...tools.subAgents, agents: (parent) => spawnableBy(agentsNow()[parent]) })
    return new ConfiguredTools(groups, { processes, mcp: await mcpOf(tools, logger), subAgents, others: [browsers] })
  }

  /** Returns the tools of an agent: those of its groups, and those for its sub-agents. */
  of(agent: Pick<AgentConfig, 'tools' | 'subAgents'>): readonly Tool[] {
    const tools = [...new Set(agent.tools)].flatMap((group) => this.#groups.get(group) ?? this.#ofServers(group))
    if (spawnableBy(agent).length > 0) tools.push(this.#subAgents.spawnTool(), this.#subAgents.manageTool())
    // Those of `mcp` and `mcp:<server>` may be the same.
    return [...new Map(tools.map((tool) => [tool.declaration.name, tool])).values()]
  }

  #ofServers(group: ToolGroup): readonly Tool[] {
    const [, server] = group.split(':')
    if (this.mcp !== undefined) return this.mcp.tools(server)
    if (server === undefined) return []
    throw new BeamClawError('invalid-option', `There is no server "${server}" in tools.mcp`, { details: { option: 'tools' } })
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

/** Returns a function that makes the folder of an agent: below the one that is configured, else beside its sessions. */
function workspacesOf({ tools, store }: Settings): (site: { readonly agentId: string }) => string {
  const base = resolve(tools.workspace ?? (store.type === 'fs' ? join(store.path ?? '.', 'workspaces') : 'workspaces'))
  return ({ agentId }) => {
    const path = join(base, agentId)
    // Only its owner looks into it: it holds what agents work with.
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return path
  }
}

async function sandboxOf({ tools: { exec = {} }, skills }: Settings, logger: Logger): Promise<Sandbox> {
  const { sandbox = 'auto', image } = exec
  const kit = await import('@beamclaw/tools')
  // Skills have scripts, which commands run.
  const readOnly = new kit.SkillFolders({ folders: skills.folders }).realFolders
  switch (sandbox) {
    case 'auto': {
      const found = await kit.autoSandbox({ bubblewrap: { readOnly }, ...(image === undefined ? {} : { docker: { image } }) })
      const { isAvailable, reason } = await found.probe()
      if (!isAvailable) logger.log('warn', 'tools.no-sandbox', { reason })
      return found
    }
    case 'bubblewrap':
      return new kit.BubblewrapSandbox({ logger, readOnly })
    case 'docker':
    case 'podman':
      return new kit.DockerSandbox({ engine: sandbox, image: image ?? '' })
    case 'local':
      return new kit.LocalSandbox({ logger })
    case 'deny':
      return new kit.DenySandbox('Commands are turned off in the configuration: tools.exec.sandbox is "deny".')
  }
}

function only<T extends object, K extends keyof T>(value: T | undefined, names: readonly K[]): Partial<Pick<T, K>> {
  return Object.fromEntries(names.flatMap((name) => (value?.[name] === undefined ? [] : [[name, value[name]]]))) as Partial<Pick<T, K>>
}
