/** The tools of the configuration: made once, and given to the agents that name them. */
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Logger, type Part, ProcessTable, type Sandbox, type Tool } from '@beamclaw/core'
import type { AgentConfig, ToolsConfig } from './config/schema.ts'
import type { Settings } from './config/settings.ts'

/** A group of tools, as agents name them. */
type ToolGroup = NonNullable<AgentConfig['tools']>[number]

export class ConfiguredTools {
  /** The parts of the tools. */
  readonly parts: readonly Part[]
  /** The background processes of `exec`; undefined without it. */
  readonly processes: ProcessTable | undefined
  readonly #groups: ReadonlyMap<ToolGroup, readonly Tool[]>

  private constructor(groups: ReadonlyMap<ToolGroup, readonly Tool[]>, processes: ProcessTable | undefined, others: readonly Part[]) {
    this.#groups = groups
    this.processes = processes
    this.parts = processes === undefined ? others : [processes, ...others]
  }

  /**
   * Makes the tools. All groups are made: an agent may name one when the configuration is edited while the gateway runs. Rejects with the error of a tool that
   * refuses its options.
   */
  static async from(settings: Settings, logger: Logger): Promise<ConfiguredTools> {
    const { tools } = settings
    const kit = await import('@beamclaw/tools')
    const workspace = workspacesOf(settings)
    const sandbox = await sandboxOf(tools, logger)
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
    return new ConfiguredTools(groups, processes, [browsers])
  }

  /** Returns the tools of the groups that an agent names. */
  of(groups: readonly ToolGroup[] = []): readonly Tool[] {
    return [...new Set(groups)].flatMap((group) => this.#groups.get(group) ?? [])
  }
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

async function sandboxOf({ exec = {} }: ToolsConfig, logger: Logger): Promise<Sandbox> {
  const { sandbox = 'auto', image } = exec
  const kit = await import('@beamclaw/tools')
  switch (sandbox) {
    case 'auto': {
      const found = await kit.autoSandbox(image === undefined ? {} : { docker: { image } })
      const { isAvailable, reason } = await found.probe()
      if (!isAvailable) logger.log('warn', 'tools.no-sandbox', { reason })
      return found
    }
    case 'bubblewrap':
      return new kit.BubblewrapSandbox({ logger })
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
