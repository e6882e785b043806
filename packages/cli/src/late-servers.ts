/** Asks servers of MCP again that were not there when the gateway started: their tools come as soon as they are. */
import type { Clock, TimerHandle } from '@beamclaw/core'
import type { McpServers } from '@beamclaw/tools/mcp'

const firstRetryMs = 1_000
const longestRetryMs = 300_000

/** Phases: `open → stopped`. Owns the timer of the next attempt. */
export class LateServers {
  readonly #mcp: Pick<McpServers, 'discover'>
  readonly #clock: Clock
  #missing: readonly string[]
  #retryMs = firstRetryMs
  #timer: TimerHandle | undefined
  #isStopped = false

  constructor(mcp: Pick<McpServers, 'discover'>, missing: readonly string[], clock: Clock) {
    this.#mcp = mcp
    this.#clock = clock
    this.#missing = missing
  }

  start(): void {
    if (this.#missing.length === 0 || this.#isStopped) return
    this.#timer = this.#clock.setTimer(() => void this.#ask(), this.#retryMs, true)
    this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #ask(): Promise<void> {
    const reports = await this.#mcp.discover(this.#missing)
    this.#missing = reports.flatMap(({ isReady, server }) => (isReady ? [] : [server]))
    this.start()
  }
}
