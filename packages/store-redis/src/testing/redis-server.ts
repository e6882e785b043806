/** A real redis-server of a test's own, in a temporary folder. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'

/** Why tests over a real server are skipped; undefined when the program is there. */
export const noRedis: string | undefined =
  spawnSync('redis-server', ['--version']).status === 0 ? undefined : 'the program redis-server is not installed on this machine'

/** Owns the process and its folder. */
export class RedisServer {
  readonly folder: string
  readonly socket: string
  readonly #settings: readonly string[]
  #process: ChildProcess | undefined

  private constructor(folder: string, settings: readonly string[]) {
    this.folder = folder
    this.socket = join(folder, 'redis.sock')
    this.#settings = settings
  }

  /** Starts a server with an append-only file that is synced for each write, and with the settings, which come last. */
  static async start(...settings: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer(await mkdtemp(join(tmpdir(), 'beamclaw-redis-')), settings)
    await server.start()
    return server
  }

  get url(): string {
    return `unix://${this.socket}`
  }

  get pid(): number {
    return this.#process?.pid as number
  }

  async start(): Promise<void> {
    const common = ['--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', '', '--loglevel', 'warning']
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction']
    this.#process = spawn('redis-server', [...common, ...durable, ...this.#settings], { stdio: 'ignore' })
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(`redis-server ended with ${this.#process.exitCode}`)
      if (await accepts(this.socket)) return
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name)
  }

  /** Ends the process as a power cut of it would; what the disk has stays. */
  async kill(): Promise<void> {
    const ended = this.#process
    if (ended === undefined || ended.exitCode !== null || ended.signalCode !== null) return
    ended.kill('SIGKILL')
    await once(ended, 'exit')
  }

  /** Runs commands over a connection of the test's own. */
  async run<T>(work: (send: (...words: string[]) => Promise<unknown>) => Promise<T>): Promise<T> {
    const client = createClient({ socket: { path: this.socket, tls: false }, RESP: 2 })
    client.on('error', () => undefined)
    await client.connect()
    try {
      return await work((...words) => client.sendCommand(words))
    } finally {
      client.destroy()
    }
  }

  async send(...words: string[]): Promise<unknown> {
    return await this.run((send) => send(...words))
  }

  async dispose(): Promise<void> {
    await this.kill()
    await rm(this.folder, { recursive: true, force: true })
  }
}

async function accepts(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
