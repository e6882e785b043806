/** Sub-agents: a part, and the tools that agents use it by. */
import { ResourceActor } from '@beamclaw/actor'
import { BeamClawError } from '../base/errors.ts'
import { defaultTenant } from '../base/ids.ts'
import type { Part, PartHost, PartSpec } from '../part/part.ts'
import type { Tool } from '../tool/tool.ts'
import { type ManageInput, manageTool } from './manage-tool.ts'
import { type SpawnInput, spawnTool } from './spawn-tool.ts'
import { type SubAgentSettings, type SubAgentsOptions, subAgentSettings } from './sub-agent-options.ts'
import type { SubAgentList } from './sub-agent-types.ts'
import { TenantSubAgents } from './tenant-sub-agents.ts'

/**
 * Lets agents start others in the background: each in a session of its own, with a deadline and a budget, and with no more tools than its parent. The parent gets
 * the result as a message. They are durable: after a crash each goes on, and is told once. A part of one BeamClaw at a time. Throws `invalid-option` and `invalid-id`.
 *
 * @example
 * const subAgents = new SubAgents({ agents: { main: ['researcher'] } })
 * const main = defineAgent({ id: 'main', model, tools: [subAgents.spawnTool(), subAgents.manageTool()] })
 * const claw = new BeamClaw({ providers, agents: [main, researcher], parts: [subAgents] })
 */
export class SubAgents implements Part<ResourceActor> {
  readonly id = 'sub-agents'
  readonly level = 'tenant'
  readonly #settings: SubAgentSettings
  readonly #tenants = new Map<string, TenantSubAgents>()
  // Made once: agents with the same tool are those that have this very one.
  readonly #spawn: Tool<SpawnInput, unknown>
  readonly #manage: Tool<ManageInput, unknown>

  constructor(options: SubAgentsOptions) {
    this.#settings = subAgentSettings(options)
    this.#spawn = spawnTool((tenant) => this.#running(tenant))
    this.#manage = manageTool((tenant) => this.#running(tenant))
  }

  start(host: PartHost): PartSpec<ResourceActor> {
    return {
      start: () => {
        if (this.#tenants.get(host.tenant)?.isReleased === false) throw alreadyUsed()
        const list = new TenantSubAgents(host, this.#settings)
        this.#tenants.set(host.tenant, list)
        return new ResourceActor({ open: () => list.open(), close: () => list.close(), release: () => list.release() })
      },
    }
  }

  /** Returns the sub-agents of a tenant. Throws `actor-not-running` while this part does not run there. */
  of(tenant: string = defaultTenant): SubAgentList {
    return this.#running(tenant)
  }

  /** Returns the tool `sessions_spawn`: it returns at once, and the result comes as a message later. */
  spawnTool(): Tool<SpawnInput, unknown> {
    return this.#spawn
  }

  /** Returns the tool `subagents`: an agent lists, looks at and cancels those that its own session has spawned. */
  manageTool(): Tool<ManageInput, unknown> {
    return this.#manage
  }

  #running(tenant: string): TenantSubAgents {
    const list = this.#tenants.get(tenant)
    if (list !== undefined && !list.isReleased) return list
    const problem = `Sub-agents do not run in tenant "${tenant}"; give them to \`parts\` of the BeamClaw`
    throw new BeamClawError('actor-not-running', problem, { details: { tenant } })
  }
}

function alreadyUsed(): BeamClawError {
  const problem = 'SubAgents: these are a part of a BeamClaw that runs; make some for each'
  return new BeamClawError('invalid-option', problem, { details: { owner: 'SubAgents' } })
}
