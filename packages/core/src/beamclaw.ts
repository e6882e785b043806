/** Checks what a host describes, and starts it; each port has a default. */

import { anArray, anObject, checkOptions, type OptionRule, oneOf, readOptions } from '@beamclaw/actor/internal'
import type { AgentDefinition } from './agent/agent.ts'
import { readAgents } from './agent/agent-list.ts'
import { anAskMode } from './approval/ask-mode.ts'
import { allSettled } from './base/all-settled.ts'
import { BeamClawError } from './base/errors.ts'
import { defaultTenant, parseTenantId, type TenantId } from './base/ids.ts'
import type { ApprovalOptions, BeamClawOptions, CheckedOptions } from './beamclaw-options.ts'
import { checkParts } from './part/part.ts'
import { ProviderTable } from './provider/provider-table.ts'
import type { RunningBeamClaw } from './running-beamclaw.ts'
import { checkSessionDefaults } from './session/session-dependencies.ts'

/**
 * A supervised system of agents and sessions; `start()` starts it. The constructor throws `invalid-option`, also for an agent whose model names
 * a provider that is not configured; `invalid-id` or `duplicate-child-id`.
 *
 * @example
 * const claw = new BeamClaw({ providers: { demo: new DemoProvider() }, agents: [{ id: 'main', model: 'demo/echo' }] })
 * await using running = await claw.start()
 */
export class BeamClaw {
  readonly #options: CheckedOptions
  #isUp = false

  constructor(given: BeamClawOptions) {
    const options = readOptions('BeamClaw', given)
    checkOptions<BeamClawOptions>(
      'BeamClaw',
      options,
      {
        providers: anObject,
        agents: anArray,
        store: aStore,
        cluster: anObject,
        events: anObject,
        sessions: anObject,
        approvals: anObject,
        parts: anArray,
        tenants: anArray,
        resume: oneOf('now', 'on-demand'),
        services: anObject,
      },
      ['providers', 'agents'],
    )
    const providers = new ProviderTable(options.providers)
    const agents = readAgents('BeamClaw', options.agents, providers)
    checkSessionDefaults(options.sessions ?? {})
    checkOptions<ApprovalOptions>('BeamClaw approvals', options.approvals ?? {}, { askMode: anAskMode })
    checkParts(options.parts ?? [])
    this.#options = { ...options, agents, providers, tenants: tenantIds(options.tenants) }
  }

  /** The agents of the options, the default one first. */
  get agents(): readonly AgentDefinition[] {
    return this.#options.agents
  }

  /**
   * Starts the tree. Rejects with `ChildStartError` when a part fails to start, and `actor-already-started` while the tree of an earlier call
   * runs: two trees over one store would take the sessions from each other.
   */
  async start(): Promise<RunningBeamClaw> {
    if (this.#isUp) throw new BeamClawError('actor-already-started', 'This BeamClaw is started; stop what runs first, or make another one')
    this.#isUp = true
    try {
      // Loaded now: a program that only describes its agents, as a build does, does not need what runs sessions.
      const { startTree } = await import('./start-tree.ts')
      const running = await startTree(this.#options)
      void running.ended.then(() => {
        this.#isUp = false
      })
      return running
    } catch (error) {
      this.#isUp = false
      throw error
    }
  }

  /**
   * Ends the store, the cluster and the event bus of the options, for a program whose start has failed and that gives up: a connection that stays open keeps its
   * process alive. Afterwards this BeamClaw cannot be started any more. A tree that runs ends them with its own `stop`. Each is ended, even when another one
   * fails; rejects with the first error then, and `actor-already-started` while a tree runs or starts.
   *
   * @example
   * const claw = new BeamClaw({ providers, agents, store: new RedisStore({ url }) })
   * const running = await claw.start().catch(async (error) => {
   *   await claw.release()
   *   throw error
   * })
   */
  async release(): Promise<void> {
    if (this.#isUp) throw new BeamClawError('actor-already-started', 'This BeamClaw is started; stop what runs, which ends its store, too')
    const { events, cluster, store } = this.#options
    await allSettled([events?.stop(), cluster?.stop(), store?.stop()])
  }
}

/** A store of an earlier version has no blobs, and would fail with the first image only. */
const aStore: OptionRule = (value) =>
  typeof value === 'object' && value !== null && typeof Reflect.get(value, 'blobs') === 'object' ? undefined : 'a Store with blobs'

/** Throws `invalid-option` or `invalid-id`. */
function tenantIds(given: readonly string[] = [defaultTenant]): readonly TenantId[] {
  const ids = [...new Set(given.map(parseTenantId))]
  if (ids.length === 0) throw new BeamClawError('invalid-option', 'BeamClaw: option "tenants" must name at least one tenant, received none')
  return ids
}
