/** The most memory that this process had resident since the last reset, seen from a thread of its own: also while the main one is busy. */
import { Worker } from 'node:worker_threads'

const sampling = `
  const peak = new Float64Array(require('node:worker_threads').workerData)
  setInterval(() => {
    peak[0] = Math.max(peak[0], process.memoryUsage.rss())
  }, 5)
`

export class MemoryPeak implements AsyncDisposable {
  readonly #peak = new Float64Array(new SharedArrayBuffer(8))
  readonly #worker = new Worker(sampling, { eval: true, workerData: this.#peak.buffer })

  constructor() {
    this.#worker.unref()
  }

  /** Begins anew from what is resident now. */
  reset(): void {
    this.#peak[0] = process.memoryUsage.rss()
  }

  /** Bytes. */
  get bytes(): number {
    return Math.max(this.#peak[0] ?? 0, process.memoryUsage.rss())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate()
  }
}
