/** What a gateway tells of its cluster: the nodes, the metrics, and how many nodes there should be. */
import type { Clock, NodeStatus, RunningBeamClaw, SettingsStatus, TimerHandle } from '@beamclaw/core'
import type { NodeRow } from '@beamclaw/protocol'
import type { NodeLoad, ProcessLoad } from './node-load.ts'
import { fewerAfterMs, ScaleAdvice } from './scale-advice.ts'
import { type ScaleRow, scaleRowOf } from './scale-row.ts'
import { whole } from './whole.ts'

export interface ClusterReportOptions {
  readonly claw: RunningBeamClaw
  readonly version: string
  readonly uptimeMs: () => number
  readonly clock: Clock
  readonly load: Pick<NodeLoad, 'measure' | 'stop'>
}

/** The nodes, and how many there should be. */
export interface ClusterSurvey {
  readonly nodes: readonly NodeRow[]
  /** The same nodes, as a scaler reads them. */
  readonly scale: readonly ScaleRow[]
  readonly desiredNodes: number
}

/** Limits of what another node may say: of its load, which is about 1 when it is full, and of the nodes that there should be. */
const mostLoad = 10
const mostNodes = 10_000

/** Milliseconds between two looks at the loads of all nodes. */
const lookEveryMs = 5_000

/** What a gateway adds to the status of its node. */
type Told = Partial<ProcessLoad> & { readonly version?: unknown; readonly uptimeMs?: unknown; readonly desiredNodes?: unknown }

/**
 * Phases: `open → stopped`. Owns the measurement of this process, and a timer that keeps no process running: it looks at the loads of all nodes.
 *
 * I1: All gateways give the advice of the one that has been up for the longest, as far as they reach it.
 */
export class ClusterReport {
  readonly #options: ClusterReportOptions
  readonly #advice = new ScaleAdvice()
  #timer: TimerHandle | undefined
  #isStopped = false

  constructor(options: ClusterReportOptions) {
    this.#options = options
    const { claw, version, uptimeMs, load } = options
    claw.cluster.report(() => ({ ...load.measure(), version, uptimeMs: uptimeMs(), desiredNodes: this.#advice.desired }))
    void claw.ended.then(() => this.#endLooks())
    this.#lookLater()
  }

  /** Asks all nodes. Never rejects. */
  async survey(): Promise<ClusterSurvey> {
    const { claw, clock } = this.#options
    const status = await claw.cluster.status()
    const nodes = status.map(rowOf)
    const loads = nodes.filter(({ state }) => state === 'up').map(({ load }) => load)
    this.#advice.add({ now: clock.monotonic(), loads, isChanging: nodes.some(({ state }) => state !== 'up') })
    return {
      nodes,
      scale: status.map((node, index) => scaleRowOf(nodes[index] as NodeRow, node.activity)),
      desiredNodes: this.#adviceOf(oldestOf(status), loads.length),
    }
  }

  /** Returns the metrics of this node, and the states of all that it knows, as Prometheus reads them. */
  metrics(): string {
    const { claw, load: processLoad } = this.#options
    const { sessions, busySessions, activeRuns = 0, waitingMessages = 0, orphanedSessions = 0 } = claw.cluster.activity
    const { load, eventLoopDelayP99Ms, rssBytes } = processLoad.measure()
    // One that is cut off knows of no other node whether it is up.
    const states = { up: 0, draining: 0, isolated: claw.cluster.phase === 'isolated' ? 1 : 0 }
    if (states.isolated === 0) for (const { state } of claw.cluster.nodes) states[state]++
    return [
      gauge('beamclaw_sessions_awake', 'Sessions in memory.', [['', sessions]]),
      gauge('beamclaw_sessions_busy', 'Sessions with a run under way, or messages that wait for one.', [['', busySessions]]),
      gauge('beamclaw_runs_active', 'Runs under way; one that waits for approval alone does not count.', [['', activeRuns]]),
      gauge('beamclaw_runs_waiting', 'Messages that wait for a run of their session.', [['', waitingMessages]]),
      gauge(
        'beamclaw_sessions_orphaned',
        'Sessions that dead nodes have left at work, as far as this one has read, and that wait to go on.',
        [['', orphanedSessions]],
      ),
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
    this.#endLooks()
    this.#options.load.stop()
  }

  /** Returns the advice of the oldest node. It may not have counted a node that has just joined, so those that are present count beside it while it is new. */
  #adviceOf(oldest: Adviser | undefined, present: number): number {
    if (oldest === undefined || oldest.isSelf) return this.#advice.desired
    return Math.max(1, oldest.desiredNodes, oldest.uptimeMs < fewerAfterMs ? present : 1)
  }

  #lookLater(): void {
    if (this.#isStopped) return
    const look = (): void =>
      void this.survey()
        .catch(() => {})
        .then(() => this.#lookLater())
    this.#timer = this.#options.clock.setTimer(look, lookEveryMs, true)
  }

  #endLooks(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }
}

interface Adviser {
  readonly isSelf: boolean
  readonly uptimeMs: number
  readonly desiredNodes: number
}

/** Returns the node that has been up for the longest, of those that work and give an advice. */
function oldestOf(status: readonly NodeStatus[]): Adviser | undefined {
  let oldest: Adviser | undefined
  for (const { isSelf, activity } of status) {
    const { uptimeMs, desiredNodes }: Told = activity?.report ?? {}
    if (activity?.phase !== 'running' || typeof uptimeMs !== 'number' || typeof desiredNodes !== 'number') continue
    if (oldest === undefined || uptimeMs > oldest.uptimeMs)
      oldest = { isSelf, uptimeMs, desiredNodes: Math.min(mostNodes, whole(desiredNodes)) }
  }
  return oldest
}

function gauge(name: string, help: string, values: readonly (readonly [labels: string, value: number])[]): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${values.map(([labels, value]) => `${name}${labels} ${value}\n`).join('')}`
}

function rowOf({ id, incarnation, isSelf, state, activity, problem }: NodeStatus): NodeRow {
  const told: Told = activity?.report ?? {}
  return {
    id,
    incarnation,
    isSelf,
    state: activity?.phase === 'isolated' ? 'isolated' : activity?.phase === 'draining' ? 'draining' : state,
    ...(activity === undefined ? {} : { sessions: whole(activity.sessions), busySessions: whole(activity.busySessions) }),
    ...(typeof told.load === 'number' ? { load: Math.min(mostLoad, Math.max(0, told.load)) } : {}),
    ...(typeof told.eventLoopDelayP99Ms === 'number' ? { eventLoopDelayP99Ms: Math.max(0, told.eventLoopDelayP99Ms) } : {}),
    ...(typeof told.rssBytes === 'number' ? { rssBytes: whole(told.rssBytes) } : {}),
    ...(typeof told.uptimeMs === 'number' ? { uptimeMs: whole(told.uptimeMs) } : {}),
    ...(typeof told.version === 'string' ? { version: told.version.slice(0, 64) } : {}),
    ...(typeof activity?.settings?.version === 'number' ? { settings: settingsOf(activity.settings) } : {}),
    ...(problem === undefined ? {} : { problem }),
  }
}

function settingsOf({ version, problem }: SettingsStatus): NonNullable<NodeRow['settings']> {
  return { version: whole(version), ...(typeof problem === 'string' ? { problem: problem.slice(0, 256) } : {}) }
}
