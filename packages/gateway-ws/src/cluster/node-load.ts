/** Measures how busy this process is. */
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** What a gateway tells of its process. */
export interface ProcessLoad {
  /** The larger of the shares of its time and of its heap that the process uses: from 0; 1 is as much as it can do. */
  readonly load: number
  readonly eventLoopDelayP99Ms: number
  readonly rssBytes: number
}

/** Milliseconds over which the load is measured at least: two askers in a row get the same answer. */
const windowMs = 5_000

/** Owns a histogram of the delays of the event loop, from the first measurement on; `stop` ends it. */
export class NodeLoad {
  #delay: ReturnType<typeof monitorEventLoopDelay> | undefined
  #since: EventLoopUtilization = performance.eventLoopUtilization()
  #measuredAt = performance.now()
  #last: ProcessLoad | undefined

  /** Returns the load since the last measurement. */
  measure(): ProcessLoad {
    const now = performance.now()
    if (this.#last !== undefined && now - this.#measuredAt < windowMs) return this.#last
    const { utilization } = performance.eventLoopUtilization(this.#since)
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    const p99 = (this.#delay?.percentile(99) ?? 0) / 1e6
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: 20 })
      this.#delay.enable()
    } else this.#delay.reset()
    this.#since = performance.eventLoopUtilization()
    this.#measuredAt = now
    this.#last = {
      load: rounded(Math.max(utilization, used / limit)),
      eventLoopDelayP99Ms: Number.isFinite(p99) ? rounded(p99) : 0,
      rssBytes: process.memoryUsage.rss(),
    }
    return this.#last
  }

  stop(): void {
    this.#delay?.disable()
    this.#delay = undefined
  }
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
