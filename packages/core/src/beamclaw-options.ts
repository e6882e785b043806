/** The options of a `BeamClaw`, as a host gives them and as they are once they were checked. */

import type { EventBus, SystemServices } from '@beamclaw/actor'
import type { AgentDefinition, AgentOptions } from './agent/agent.ts'
import type { AskModeRule } from './approval/ask-mode.ts'
import type { RunEvent } from './base/events.ts'
import type { TenantId } from './base/ids.ts'
import type { Part } from './part/part.ts'
import type { Cluster } from './ports/cluster.ts'
import type { Provider } from './ports/provider.ts'
import type { Store } from './ports/store.ts'
import type { ProviderTable } from './provider/provider-table.ts'
import type { ResumeMode } from './session/activity/activity-log-options.ts'
import type { SessionDefaults } from './session/session-dependencies.ts'

/** Options of approvals. */
export interface ApprovalOptions {
  /** The ask mode of tools and agents that have none of their own; a function sees the tenant. @default by the risk of the tool */
  readonly askMode?: AskModeRule
}

/** Options of a `BeamClaw`. */
export interface BeamClawOptions {
  /** Providers by id, with which model names begin: 1 to 64 characters without `/` and white space. */
  readonly providers: Readonly<Record<string, Provider>>
  /**
   * Results or options of `defineAgent`; the first one is the default agent. May be empty where the agents come later, by `updateAgents`: until then
   * each message is refused with `unknown-agent`.
   */
  readonly agents: readonly (AgentDefinition | AgentOptions)[]
  /** @default new MemoryStore() */
  readonly store?: Store
  /** @default new SoloCluster() */
  readonly cluster?: Cluster
  /** @default new LocalEventBus() */
  readonly events?: EventBus<RunEvent>
  /** Defaults of all sessions: queue mode, limits, passivation. */
  readonly sessions?: Partial<SessionDefaults>
  /** When calls of tools ask for approval, in all tenants. */
  readonly approvals?: ApprovalOptions
  /** Subsystems of the host application, started in this order in each tenant. @default none */
  readonly parts?: readonly Part[]
  /** Ids of the tenants, the default one first. They share agents, ports and the process, but no data. @default ['default'] */
  readonly tenants?: readonly string[]
  /**
   * When sessions continue that an earlier process left in the middle of a run: `now`, at the start, or `on-demand`, each on its first use
   * (any method of its handle but `exists`), and all with `running.resume()`. `on-demand` is for hosts that start a BeamClaw only to inspect it.
   * @default 'now'
   */
  readonly resume?: ResumeMode
  /** Clock, logger, ids, randomness and telemetry. @default the machine's own */
  readonly services?: Partial<SystemServices>
}

/** The checked options of a BeamClaw. */
export interface CheckedOptions extends Omit<BeamClawOptions, 'agents' | 'providers' | 'tenants'> {
  readonly agents: readonly AgentDefinition[]
  readonly providers: ProviderTable
  readonly tenants: readonly TenantId[]
}
