/** The cluster, as a host sees it: its nodes, what they do, and how one is emptied. */
import type { Logger, TreeNode } from '@beamclaw/actor'
import { aBoolean, aFunction, checkOptions, integer, invalidOption } from '@beamclaw/actor/internal'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { JsonObject, JsonValue } from '../base/messages.ts'
import type { ClusterSettings, SettingsStatus } from '../cluster/cluster-settings.ts'
import type { Cluster, Member } from '../ports/cluster.ts'
import type { NodePhase } from '../session/node-phase.ts'
import type { LinkedTenant, NodeLink, TenantWorkload } from './node-link.ts'
import { readActivity } from './read-activity.ts'
import { outlineOf, readOutline, type TreeOutline } from './tree-outline.ts'

/** What a node does now. What counts its runs is undefined at one of an earlier version. */
export interface NodeActivity extends Partial<TenantWorkload> {
  readonly phase: NodePhase
  /** Sessions in memory. */
  readonly sessions: number
  /** Those with a run under way, or messages that wait for one. */
  readonly busySessions: number
  /** The version of the cluster's settings that it has; absent for a node that does not listen to them. */
  readonly settings?: SettingsStatus
  /** What the node's host added with `report`. */
  readonly report: JsonObject
}

/** A member of the cluster, and whether it is this node. */
export interface NodeOfView extends Member {
  readonly isSelf: boolean
}

/** A node of the cluster. */
export interface NodeStatus extends NodeOfView {
  /** Undefined when the node did not answer in time; `problem` says why. */
  readonly activity?: NodeActivity
  readonly problem?: string
}

/** A node of the cluster with its supervision tree. */
export interface NodeTree extends NodeOfView {
  /** Undefined when the node did not answer in time; `problem` says why. */
  readonly tree?: TreeOutline
  readonly problem?: string
}

/** Options of `ClusterView.trees`. */
export interface TreesOptions {
  /** Children of each supervisor that are shown, 1 to 100; `more` counts the others. @default 10 */
  readonly mostChildren?: number
}

/** Options of `ClusterView.drain`. */
export interface DrainNodeOptions {
  /** Also when no other node takes work: new messages are refused then until a node is started. @default false */
  readonly force?: boolean
}

export interface ClusterViewOptions {
  readonly cluster: Cluster
  readonly link: NodeLink
  readonly phase: { readonly value: NodePhase }
  readonly tenants: readonly LinkedTenant[]
  /** Drains this node. */
  readonly drain: () => Promise<void>
  /** Returns the supervision tree of this node. */
  readonly tree: () => TreeNode
  readonly logger: Logger
  readonly settings: ClusterSettings
}

/** Children of each supervisor that `trees` shows. */
const defaultChildren = 10
const mostChildrenShown = 100

const unreadable = 'its answer is of another version'

/** Milliseconds that another node has to tell what it does. */
const answerWithinMs = 2_000

/** Milliseconds that it has to begin a drain, for which it asks the others. */
const drainWithinMs = 5_000

/**
 * The nodes of the cluster, at `running.cluster`. A node without a cluster sees itself alone.
 *
 * @example
 * for (const { id, state, activity } of await running.cluster.status()) console.log(id, state, activity?.busySessions)
 */
export class ClusterView {
  /** What all nodes have in common. */
  readonly settings: ClusterSettings
  readonly #options: ClusterViewOptions
  #report: () => JsonObject = () => ({})
  /** Drains of this node that have not begun. */
  #looking = 0

  /** Made by core. */
  constructor(options: ClusterViewOptions) {
    this.#options = options
    this.settings = options.settings
    options.link.whenTold((body) => options.settings.take(body))
    options.link.answer('node.status', async () => this.#activity() as unknown as JsonObject)
    options.link.answer('node.tree', async ({ mostChildren }) => {
      const limit = typeof mostChildren === 'number' ? Math.min(mostChildrenShown, Math.max(1, Math.trunc(mostChildren))) : defaultChildren
      return outlineOf(options.tree(), limit) as unknown as JsonObject
    })
    options.link.answer('node.drain', async ({ force }, from) => {
      await this.#drainSelf(from.id, force === true)
      return {}
    })
  }

  /** The nodes as they were at most two heartbeats ago, this one among them. */
  get nodes(): readonly NodeOfView[] {
    const { self, members } = this.#options.cluster
    return members.map((member) => ({ ...member, isSelf: member.incarnation === self.incarnation }))
  }

  /** What this node does. */
  get phase(): NodePhase {
    return this.#options.phase.value
  }

  /** What this node does now. */
  get activity(): NodeActivity {
    return this.#activity()
  }

  /**
   * Adds what a host knows of its process to the status of this node: plain JSON, made anew for each answer. What it throws is logged, and adds nothing. Throws
   * `invalid-option`.
   */
  report(make: () => JsonObject): void {
    const wrong = aFunction(make)
    if (wrong !== undefined) throw invalidOption('report', 'make', wrong, make)
    this.#report = make
  }

  /** Resolves with the nodes and what each does, sorted by id. Asks them all; one that does not answer within two seconds has a `problem`. Never rejects. */
  async status(): Promise<readonly NodeStatus[]> {
    return this.#each({ type: 'node.status' }, (node, answer) => {
      const activity = answer === undefined ? this.#activity() : readActivity(answer)
      return activity === undefined ? { ...node, problem: unreadable } : { ...node, activity }
    })
  }

  /** Asks every other node; `make` gets no answer for this one. One that cannot be asked has a `problem`. */
  async #each<T extends NodeOfView>(
    question: JsonObject,
    make: (node: NodeOfView, answer: JsonValue | undefined) => T,
  ): Promise<readonly (T | (NodeOfView & { readonly problem: string }))[]> {
    const nodes = [...this.nodes].sort((a, b) => (a.id < b.id ? -1 : 1))
    return Promise.all(
      nodes.map(async (node) => {
        if (node.isSelf) return make(node, undefined)
        try {
          return make(node, await this.#options.cluster.request(node, question, { timeoutMs: answerWithinMs }))
        } catch (error) {
          // A look changes nothing: whether it arrived is of no interest.
          const isLate = BeamClawError.isInstance(error, 'call-timeout')
          return { ...node, problem: isLate ? `no answer within ${answerWithinMs} ms` : describeError(error) }
        }
      }),
    )
  }

  /**
   * Resolves with the nodes and the supervision tree of each in outline, sorted by id. Asks them all, as `status` does. Rejects `invalid-option`.
   *
   * @example
   * for (const { id, tree } of await running.cluster.trees({ mostChildren: 3 })) console.log(id, tree?.children)
   */
  async trees(given: TreesOptions = {}): Promise<readonly NodeTree[]> {
    checkOptions<TreesOptions>('trees', given, { mostChildren: integer(1, mostChildrenShown) })
    const { mostChildren = defaultChildren } = given
    const own = (): TreeOutline => outlineOf(this.#options.tree(), mostChildren)
    return this.#each({ type: 'node.tree', mostChildren }, (node, answer) => {
      const tree = answer === undefined ? own() : readOutline(answer)
      return tree === undefined ? { ...node, problem: unreadable } : { ...node, tree }
    })
  }

  /**
   * Has a node hand its conversations to the others: it takes no new ones from then on. Resolves once it has begun. Rejects `unknown-node` for an id that no
   * node has, `last-node` when no other node takes work and `force` is not set, `invalid-option`, and as the request does.
   */
  async drain(id: string, options: DrainNodeOptions = {}): Promise<void> {
    checkOptions<DrainNodeOptions>('drain', options, { force: aBoolean })
    const node = this.nodes.find((one) => one.id === id)
    if (node === undefined) {
      const known = this.nodes
        .map((one) => one.id)
        .sort()
        .join(', ')
      throw new BeamClawError('unknown-node', `There is no node "${String(id).slice(0, 64)}"; the nodes are ${known}`, {
        details: { known },
      })
    }
    const { force = false } = options
    if (node.isSelf) return this.#drainSelf(node.id, force)
    await this.#options.cluster.request(node, { type: 'node.drain', force }, { timeoutMs: drainWithinMs })
  }

  /** Rejects `last-node`. While it looks for another node that takes work, it counts as draining: of nodes that are drained at once, none relies on the others. */
  async #drainSelf(by: string, isForced: boolean): Promise<void> {
    const { cluster, logger, phase, drain } = this.#options
    this.#looking++
    try {
      if (!isForced && phase.value === 'running' && !(await this.#hasOther())) {
        const then = 'start another one first, or force the drain, and new messages are refused until a node is started'
        throw new BeamClawError('last-node', `No node but "${cluster.self.id}" takes work: ${then}`)
      }
      if (phase.value === 'running') logger.log('info', 'cluster.drain-asked', { by })
      drain().catch(() => {})
    } finally {
      this.#looking--
    }
  }

  /** Resolves with true when another node takes work. Asks them: the list of members is up to two heartbeats old. */
  async #hasOther(): Promise<boolean> {
    const nodes = await this.status()
    return nodes.some(({ isSelf, activity }) => !isSelf && activity?.phase === 'running')
  }

  #activity(): NodeActivity {
    const { phase, tenants } = this.#options
    const sum = (count: (tenant: LinkedTenant) => number): number => tenants.reduce((total, tenant) => total + count(tenant), 0)
    const settings = this.settings.status
    const workloads = tenants.map(({ workload }) => workload)
    const total = (of: keyof TenantWorkload): number => workloads.reduce((count, workload) => count + workload[of], 0)
    return {
      phase: this.#looking > 0 && phase.value === 'running' ? 'draining' : phase.value,
      sessions: sum(({ sessionCount }) => sessionCount),
      busySessions: sum(({ busyCount }) => busyCount),
      ...(settings === undefined ? {} : { settings }),
      activeRuns: total('activeRuns'),
      waitingMessages: total('waitingMessages'),
      orphanedSessions: total('orphanedSessions'),
      report: this.#reported(),
    }
  }

  /** What the host adds, if that is JSON: else the other nodes could not be answered. */
  #reported(): JsonObject {
    try {
      return JSON.parse(JSON.stringify(this.#report() ?? {})) as JsonObject
    } catch (error) {
      this.#options.logger.log('warn', 'cluster.report-failed', { error: describeError(error) })
      return {}
    }
  }
}
