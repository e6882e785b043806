/** The gateway as it is installed, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const bin = fileURLToPath(new URL('../../packages/cli/dist/bin.js', import.meta.url))

/** Ticks of `/proc/<pid>/stat` in a second, on every Linux there is. */
const ticksPerSecond = 100

export class GatewayProcess implements AsyncDisposable {
  readonly url: string
  /** Milliseconds from the start of the process to its first answer. */
  readonly startMs: number
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(url: string, startMs: number, child: ChildProcess, folder: string) {
    this.url = url
    this.startMs = startMs
    this.#child = child
    this.#folder = folder
  }

  /** Starts one with the embedded model; resolves once `/health` answers. */
  static async start(): Promise<GatewayProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const startedAt = performance.now()
    const flags = ['start', '--port', String(port), '--data-dir', join(folder, 'data'), '--log-format', 'json']
    const child = spawn(process.execPath, [bin, ...flags], {
      cwd: folder,
      stdio: 'ignore',
      env: { PATH: process.env.PATH ?? '', HOME: folder },
    })
    while (!(await isHealthy(url))) {
      if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return new GatewayProcess(url, performance.now() - startedAt, child, folder)
  }

  /** Resident memory, in kilobytes. */
  get rssKilobytes(): number {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))?.[1])
  }

  /** Processor time used so far, in seconds. */
  get cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`)
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
