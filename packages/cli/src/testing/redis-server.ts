/** A real redis-server of a test's own, in a temporary folder. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** True where the programs of Redis are not installed; tests over a real server are skipped then. */
export const isWithoutRedis = ['redis-server', 'redis-cli'].some((program) => spawnSync(program, ['--version']).status !== 0)

/** Owns the folder, and the process while it runs. */
export class TestRedis {
  readonly folder = mkdtempSync(join(tmpdir(), 'beamclaw-redis-'))
  readonly socket = join(this.folder, 'redis.sock')
  readonly url = `unix://${this.socket}`
  #process: ChildProcess | undefined

  /** Starts the server with settings that a store asks for, and then with those given. */
  async start(...settings: readonly string[]): Promise<void> {
    const place = ['--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', '']
    this.#process = spawn('redis-server', [...place, '--appendonly', 'yes', '--appendfsync', 'always', ...settings], { stdio: 'ignore' })
    while (!existsSync(this.socket)) {
      if (this.#process.exitCode !== null) throw new Error(`redis-server ended with ${this.#process.exitCode}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  /** Runs one command. */
  send(...words: readonly string[]): string {
    return execFileSync('redis-cli', ['-s', this.socket, ...words], { encoding: 'utf8' }).trim()
  }

  async stop(): Promise<void> {
    const ending = this.#process
    this.#process = undefined
    if (ending === undefined || ending.exitCode !== null) return
    ending.kill('SIGKILL')
    await once(ending, 'exit')
    rmSync(this.socket, { force: true })
  }

  async dispose(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
