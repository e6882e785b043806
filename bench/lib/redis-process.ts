/** A redis-server of a benchmark's own, with an append-only file that is synced for each write. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0

export class RedisProcess implements AsyncDisposable {
  readonly #folder: string
  readonly #child: ChildProcess

  private constructor(folder: string, child: ChildProcess) {
    this.#folder = folder
    this.#child = child
  }

  static async start(): Promise<RedisProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
    const place = ['--port', '0', '--unixsocket', join(folder, 'redis.sock'), '--dir', folder, '--save', '']
    const child = spawn('redis-server', [...place, '--appendonly', 'yes', '--appendfsync', 'always'], { stdio: 'ignore' })
    const redis = new RedisProcess(folder, child)
    while (spawnSync('redis-cli', ['-s', redis.socket, 'PING']).status !== 0) await new Promise((resolve) => setTimeout(resolve, 20))
    return redis
  }

  get socket(): string {
    return join(this.#folder, 'redis.sock')
  }

  get url(): string {
    return `unix://${this.socket}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
