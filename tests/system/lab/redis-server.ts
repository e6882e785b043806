/** A real redis-server with an append-only file that is synced for each write, in a temporary folder of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'

/** Why tests over a real server are skipped; undefined when the program is there. */
export const noRedis: string | undefined =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'the program redis-server is not installed on this machine'

/** Owns the process and its folder. */
export class LabRedis implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'beamclaw-nodes-'))
  readonly #settings: readonly string[]
  #process: ChildProcess | undefined

  private constructor(settings: readonly string[]) {
    this.#settings = settings
  }

  /** @param settings of redis-server, which come last. */
  static async begin(...settings: readonly string[]): Promise<LabRedis> {
    const redis = new LabRedis(settings)
    await redis.start()
    return redis
  }

  /** Where it listens, past every proxy. */
  get socket(): string {
    return join(this.folder, 'redis.sock')
  }

  async start(): Promise<void> {
    const place = ['--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', '', '--loglevel', 'warning']
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
    const child = spawn('redis-server', [...place, ...durable, ...this.#settings], { stdio: 'ignore' })
    this.#process = child
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** Ends it as a crash does; what its file has stays. */
  async kill(): Promise<void> {
    const ended = this.#process
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return
    ended.kill('SIGKILL')
    await once(ended, 'exit')
  }

  /** Ends it, and starts it over its file. */
  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  /** Ends it, and starts one that knows nothing in its place. */
  async replace(): Promise<void> {
    await this.kill()
    rmSync(join(this.folder, 'appendonlydir'), { recursive: true })
    await this.start()
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Runs commands over a connection of the test's own. */
  async run<T>(work: (send: (...words: readonly string[]) => Promise<unknown>) => Promise<T>): Promise<T> {
    const client = createClient({ socket: { path: this.socket, tls: false }, RESP: 2 })
    client.on('error', () => {})
    await client.connect()
    try {
      return await work((...words) => client.sendCommand([...words]))
    } finally {
      client.destroy()
    }
  }

  send(...words: readonly string[]): Promise<unknown> {
    return this.run((send) => send(...words))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** It accepts connections, and has read its file. */
  async #answers(): Promise<boolean> {
    const socket = connect(this.socket)
    try {
      await once(socket, 'connect')
      socket.write('PING\r\n')
      const [reply] = await once(socket, 'data')
      return !String(reply).startsWith('-LOADING')
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  }
}
