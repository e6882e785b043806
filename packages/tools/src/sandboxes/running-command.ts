/** A command under way on this host: its channel, and all of its processes. */
import type { CommandExit, CommandListener, CommandSignal, JsonObject, Logger, SandboxProcess, TerminalSize } from '@beamclaw/core'
import { describeError, type TurnQueue } from '@beamclaw/core/adapter'
import type { CommandChannel } from './command-channel.ts'
import { inputClosed } from './command-error.ts'
import { checkSize } from './command-request.ts'
import type { CommandTree } from './command-tree.ts'
import { signalName } from './terminal-channel.ts'

/** What a running command is made of. */
export interface RunningCommandParts {
  readonly channel: CommandChannel
  readonly tree: CommandTree
  /** Shared by commands that end at the same time: each looks through the processes of the host. @default none */
  readonly ends?: TurnQueue
  readonly identity: JsonObject
  readonly listener: CommandListener
  readonly logger: Logger
  /** Milliseconds after the exit that output may still come from a process that could not be ended. */
  readonly outputGraceMs: number
  /** Called when it is over, before the listener. */
  readonly onOver: () => void
  /** Whether the first process tells a signal of the command as 128 and its number, as a shell does. @default false */
  readonly isShellStatus?: boolean
}

/**
 * Phases: `running` → `exited` (the first process is gone, the others are ended, the last output is read) → `over`.
 *
 * I1  `onExit` is called once, and no `onOutput` after it.
 * I2  In `over` no process is signalled any more: the system may have given the ids away.
 */
export class RunningCommand implements SandboxProcess {
  readonly identity: JsonObject
  readonly #parts: RunningCommandParts
  #phase: 'running' | 'exited' | 'over' = 'running'
  #outputs = 0
  readonly #sent = new Set<string>()
  readonly #outputEnd = Promise.withResolvers<void>()

  constructor(parts: RunningCommandParts) {
    this.#parts = parts
    this.identity = parts.identity
    parts.channel.open({
      output: (chunk, stream) => {
        this.#outputs++
        if (this.#phase !== 'over') this.#tell(() => parts.listener.onOutput(chunk, stream))
      },
      exited: (code, signal) => void this.#exited(code, signal),
      ended: () => this.#outputEnd.resolve(),
    })
  }

  get pid(): number | undefined {
    return this.#parts.channel.pid
  }

  get hasTerminal(): boolean {
    return this.#parts.channel.hasTerminal
  }

  write(data: Uint8Array): Promise<void> {
    return this.#phase === 'running' ? this.#parts.channel.write(data) : Promise.reject(inputClosed())
  }

  async endInput(): Promise<void> {
    if (this.#phase === 'running') await this.#parts.channel.endInput()
  }

  resize(size: TerminalSize): void {
    const checked = checkSize(size)
    if (this.#phase === 'running') this.#parts.channel.resize(checked)
  }

  async signal(signal: CommandSignal): Promise<boolean> {
    if (this.#phase === 'over') return false
    this.#sent.add(signal)
    return this.#parts.tree.signal(signal)
  }

  async #exited(code: number | undefined, signal: string | undefined): Promise<void> {
    const { channel, tree, ends, outputGraceMs, onOver, listener } = this.#parts
    this.#phase = 'exited'
    await ends?.next()
    const survivors = await Promise.resolve(tree.finish()).catch(() => 1)
    await this.#outputEndWithin(outputGraceMs)
    this.#phase = 'over'
    channel.close()
    onOver()
    this.#tell(() => listener.onExit({ ...this.#ending(code, signal), survivors }))
  }

  /** A number stands for a signal only when that signal was sent: a command may exit with any. */
  #ending(code: number | undefined, signal: string | undefined): Pick<CommandExit, 'code' | 'signal'> {
    if (code === undefined && signal === undefined && this.#sent.has('SIGKILL')) return { code, signal: 'SIGKILL' }
    const name = this.#parts.isShellStatus === true && code !== undefined ? signalName(code - 128) : undefined
    return name !== undefined && this.#sent.has(name) ? { code: undefined, signal: name } : { code, signal }
  }

  async #outputEndWithin(graceMs: number): Promise<void> {
    let isAtEnd = false
    const end = this.#outputEnd.promise.then(() => {
      isAtEnd = true
    })
    const expired = Promise.withResolvers<void>()
    const timer = setTimeout(expired.resolve, graceMs)
    await Promise.race([end, expired.promise])
    clearTimeout(timer)
    // A timer of a busy process is late, and comes before what lies in the pipe: that is read first.
    for (let quiet = 0; !isAtEnd && quiet < 2; quiet++) {
      const before = this.#outputs
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#outputs !== before) quiet = -1
    }
  }

  #tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#parts.logger.log('error', 'sandbox.listener-failed', { error: describeError(error) })
    }
  }
}
