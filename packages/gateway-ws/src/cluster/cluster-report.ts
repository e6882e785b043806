/** What a gateway tells of its cluster: the nodes, the metrics, and how many nodes there should be. */
import type { NodeStatus, RunningBeamClaw } from '@beamclaw/core'
import type { NodeRow } from '@beamclaw/protocol'
import { NodeLoad, type ProcessLoad } from './node-load.ts'
import { ScaleAdvice } from './scale-advice.ts'

export interface ClusterReportOptions {
  readonly claw: RunningBeamClaw
  readonly version: string
  readonly uptimeMs: () => number
  /** Monotonic, in milliseconds. */
  readonly now: () => number
}

/** The nodes, and how many there should be. */
export interface ClusterSurvey {
  readonly nodes: readonly NodeRow[]
  readonly desiredNodes: number
}

/** Phases: `open → stopped`. Owns the measurement of this process. */
export class ClusterReport {
  readonly #options: ClusterReportOptions
  readonly #load = new NodeLoad()
  readonly #advice = new ScaleAdvice()

  constructor(options: ClusterReportOptions) {
    this.#options = options
    const { claw, version, uptimeMs } = options
    claw.cluster.report(() => ({ ...this.#load.measure(), version, uptimeMs: uptimeMs() }))
  }

  /** Asks all nodes. Never rejects. */
  async survey(): Promise<ClusterSurvey> {
    const { claw, now } = this.#options
    const nodes = (await claw.cluster.status()).map(rowOf)
    const loads = nodes.filter(({ state }) => state === 'up').map(({ load = 0 }) => load)
    const isDraining = nodes.some(({ state }) => state !== 'up')
    return { nodes, desiredNodes: this.#advice.desired({ now: now(), loads, isDraining }) }
  }

  /** Returns the metrics of this node, and the states of all that it knows, as Prometheus reads them. */
  metrics(): string {
    const { claw } = this.#options
    const { sessions, busySessions } = claw.cluster.activity
    const { load, eventLoopDelayP99Ms, rssBytes } = this.#load.measure()
    // One that is cut off knows of no other node whether it is up.
    const states = { up: 0, draining: 0, isolated: claw.cluster.phase === 'isolated' ? 1 : 0 }
    if (states.isolated === 0) for (const { state } of claw.cluster.nodes) states[state]++
    return [
      gauge('beamclaw_sessions_awake', 'Sessions in memory.', [['', sessions]]),
      gauge('beamclaw_sessions_busy', 'Sessions with a run under way, or messages that wait for one.', [['', busySessions]]),
      gauge('beamclaw_load', 'The larger of the shares of time and heap that the process uses; 1 is as much as it can do.', [['', load]]),
      gauge('beamclaw_event_loop_delay_p99_seconds', 'Delay of the event loop, 99th percentile.', [['', eventLoopDelayP99Ms / 1_000]]),
      gauge('beamclaw_resident_memory_bytes', 'Resident memory of the process.', [['', rssBytes]]),
      gauge('beamclaw_ready', 'Whether this node takes work: 0 while it is drained, or cut off from its cluster.', [
        ['', claw.cluster.phase === 'running' ? 1 : 0],
      ]),
      gauge('beamclaw_nodes', 'Nodes of the cluster, as this one sees them.', [
        ['{state="up"}', states.up],
        ['{state="draining"}', states.draining],
        ['{state="isolated"}', states.isolated],
      ]),
    ].join('')
  }

  stop(): void {
    this.#load.stop()
  }
}

function gauge(name: string, help: string, values: readonly (readonly [labels: string, value: number])[]): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${values.map(([labels, value]) => `${name}${labels} ${value}\n`).join('')}`
}

function rowOf({ id, incarnation, isSelf, state, activity, problem }: NodeStatus): NodeRow {
  const told: Partial<ProcessLoad> & { readonly version?: unknown; readonly uptimeMs?: unknown } = activity?.report ?? {}
  return {
    id,
    incarnation,
    isSelf,
    state: activity?.phase === 'isolated' ? 'isolated' : activity?.phase === 'draining' ? 'draining' : state,
    ...(activity === undefined ? {} : { sessions: whole(activity.sessions), busySessions: whole(activity.busySessions) }),
    ...(typeof told.load === 'number' ? { load: Math.max(0, told.load) } : {}),
    ...(typeof told.eventLoopDelayP99Ms === 'number' ? { eventLoopDelayP99Ms: Math.max(0, told.eventLoopDelayP99Ms) } : {}),
    ...(typeof told.rssBytes === 'number' ? { rssBytes: whole(told.rssBytes) } : {}),
    ...(typeof told.uptimeMs === 'number' ? { uptimeMs: whole(told.uptimeMs) } : {}),
    ...(typeof told.version === 'string' ? { version: told.version.slice(0, 64) } : {}),
    ...(problem === undefined ? {} : { problem }),
  }
}

/** What another node tells may be of another version. */
function whole(value: number): number {
  return Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0
}
