/** A network in the memory of this process: many nodes, and every fault between them. */
import { type Clock, parseNodeId, SystemClock } from '@beamclaw/core'
import { aFunction, anObjectWith, checkOptions, definedOnly, duration, type OptionRules } from '@beamclaw/core/adapter'
import { MemoryCluster } from './memory-cluster.ts'
import type { MessageFaultPlan } from './message-faults.ts'
import { NetworkState } from './network-state.ts'

/** Options of `MemoryNetwork`. Times are in milliseconds. */
export interface MemoryNetworkOptions {
  /** @default new SystemClock() */
  readonly clock?: Clock
  /** After so long without a heartbeat the others take a node for dead. @default 15_000 */
  readonly ttlMs?: number
  /** @default 1_000 */
  readonly heartbeatMs?: number
  /** The way of a message from one node to another. @default 0 */
  readonly latencyMs?: number
  /** What goes wrong with messages. @default nothing */
  readonly faults?: MessageFaultPlan
}

/** Options of one node. */
export interface MemoryNodeOptions {
  /** Has the node's own timers, so that those that are left can be counted. It runs as fast as the clock of the network. @default the network's */
  readonly clock?: Clock
}

/** Defaults for `MemoryNetworkOptions`. */
const memoryNetworkDefaults = { ttlMs: 15_000, heartbeatMs: 1_000, latencyMs: 0 } as const satisfies MemoryNetworkOptions

const aClock = anObjectWith('now', 'monotonic', 'setTimer', 'yieldTo')

const rules: OptionRules<MemoryNetworkOptions> = {
  clock: aClock,
  ttlMs: duration(1),
  heartbeatMs: duration(1),
  latencyMs: duration(0),
  faults: aFunction,
}

/**
 * Nodes in one process that find each other, own keys and exchange messages as copies of JSON, each with its own view of the others. Membership goes by
 * heartbeats of the given clock: with a manual one nothing happens unless the test moves it. Throws `invalid-option`.
 *
 * @example
 * const network = new MemoryNetwork({ clock: new ManualClock() })
 * const [a, b] = [network.node('a'), network.node('b')]
 */
export class MemoryNetwork {
  readonly #state: NetworkState
  readonly #clock: Clock
  readonly #nodes = new Map<string, MemoryCluster>()

  constructor(options: MemoryNetworkOptions = {}) {
    checkOptions('MemoryNetwork', options, rules)
    const { clock = new SystemClock(), faults, ...times } = options
    this.#clock = clock
    this.#state = new NetworkState({ ...memoryNetworkDefaults, ...definedOnly(times), clock })
    this.#state.lines.faults = faults
  }

  /** Undefined when every message arrives. */
  get faults(): MessageFaultPlan | undefined {
    return this.#state.lines.faults
  }

  set faults(plan: MessageFaultPlan | undefined) {
    this.#state.lines.faults = plan
  }

  /**
   * Returns a new life of a node; give it to a BeamClaw as its `cluster`. While another life of the same id is there, each call of the new one rejects
   * `node-id-taken`. Throws `invalid-id`.
   */
  node(id: string, { clock = this.#clock }: MemoryNodeOptions = {}): MemoryCluster {
    const nodeId = parseNodeId(id)
    const node = new MemoryCluster(this.#state, nodeId, clock)
    this.#nodes.set(nodeId, node)
    return node
  }

  /** Kills the present life of a node, and returns its next one. Throws `invalid-id`. */
  restart(id: string, options: MemoryNodeOptions = {}): MemoryCluster {
    this.#nodes.get(parseNodeId(id))?.kill()
    return this.node(id, options)
  }

  /** Cuts two nodes from each other, both ways. Each still reaches all others, and keeps its membership. Throws `invalid-id`. */
  cut(a: string, b: string): void {
    this.cutOneWay(a, b)
    this.cutOneWay(b, a)
  }

  /** Lets every message from one node to another vanish. Throws `invalid-id`. */
  cutOneWay(from: string, to: string): void {
    this.#state.cut(parseNodeId(from), parseNodeId(to))
  }

  /** Cuts a node off from all others and from membership. Throws `invalid-id`. */
  isolate(id: string): void {
    this.#state.isolated.add(parseNodeId(id))
  }

  /** Heals all cuts of a node; without one, of all nodes. Throws `invalid-id`. */
  heal(id?: string): void {
    this.#state.heal(id === undefined ? undefined : parseNodeId(id))
  }
}
