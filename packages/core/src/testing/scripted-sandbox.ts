/** A sandbox without a system: a test decides what its processes print, and when they end. */
import { BeamClawError } from '../base/errors.ts'
import type { JsonObject } from '../base/messages.ts'
import type {
  CommandExit,
  CommandListener,
  CommandRequest,
  CommandSignal,
  PreparedCommand,
  Sandbox,
  SandboxProbe,
  SandboxProcess,
  SpawnOptions,
  TerminalSize,
} from '../ports/sandbox.ts'

/** What a program does when it is started; it may print and exit at once, or later. */
export type ScriptedProgram = (process: ScriptedProcess) => void

/** Options of a `ScriptedSandbox`. */
export interface ScriptedSandboxOptions {
  /** @default 'scripted' */
  readonly id?: string
  /** By name, without a folder. A program that is not listed is not found. @default every name is a program that runs until it is told to end */
  readonly programs?: Readonly<Record<string, ScriptedProgram>>
}

/** A process of a `ScriptedSandbox`. */
export class ScriptedProcess implements SandboxProcess {
  readonly pid: number
  readonly identity: JsonObject
  readonly hasTerminal: boolean
  readonly command: PreparedCommand
  readonly isDetached: boolean
  readonly mark: string | undefined
  /** What was written to it, as text. */
  input = ''
  isInputEnded = false
  size: TerminalSize | undefined
  /** Signals that it got, in order. */
  readonly signals: CommandSignal[] = []
  /** Signals that do not end it. */
  readonly ignores: Set<CommandSignal> = new Set(['SIGCONT'])
  /** Children that outlive it until they get SIGKILL. */
  children = 0
  #listener: CommandListener
  #exit: CommandExit | undefined

  constructor(pid: number, command: PreparedCommand, { listener, isDetached = false, mark }: SpawnOptions) {
    this.pid = pid
    this.identity = { pid }
    this.command = command
    this.hasTerminal = command.terminal !== undefined
    this.size = command.terminal
    this.isDetached = isDetached
    this.mark = mark
    this.#listener = listener
  }

  get isRunning(): boolean {
    return this.#exit === undefined
  }

  /** Prints text or bytes. */
  print(output: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout'): void {
    this.#listener.onOutput(typeof output === 'string' ? new TextEncoder().encode(output) : output, stream)
  }

  /** Ends it; a number is its code, text a signal. */
  exit(with_: number | string = 0): void {
    if (this.#exit !== undefined) return
    const code = typeof with_ === 'number' ? with_ : undefined
    this.#exit = { code, signal: typeof with_ === 'string' ? with_ : undefined, survivors: 0 }
    this.#listener.onExit(this.#exit)
  }

  /** From now on another listener hears of it. */
  listenWith(listener: CommandListener): void {
    this.#listener = listener
  }

  async write(data: Uint8Array): Promise<void> {
    if (!this.isRunning || this.isInputEnded) throw new BeamClawError('command-ended', 'The input is closed')
    this.input += new TextDecoder().decode(data)
  }

  async endInput(): Promise<void> {
    this.isInputEnded = true
  }

  resize(size: TerminalSize): void {
    if (this.hasTerminal) this.size = size
  }

  async signal(signal: CommandSignal): Promise<boolean> {
    const wasLeft = this.isRunning || this.children > 0
    if (!wasLeft) return false
    this.signals.push(signal)
    if (this.ignores.has(signal)) return true
    if (signal === 'SIGKILL') this.children = 0
    // As from a system: later than the call.
    queueMicrotask(() => this.exit(signal))
    return true
  }
}

/**
 * A `Sandbox` for tests: its processes are objects that print and end when the test says so. `started` has all of them.
 *
 * @example
 * const sandbox = new ScriptedSandbox({ programs: { greet: (process) => { process.print('hello'); process.exit(0) } } })
 */
export class ScriptedSandbox implements Sandbox {
  readonly id: string
  readonly started: ScriptedProcess[] = []
  /** Called before a method does anything; one that throws fails it. */
  before: (method: 'prepare' | 'spawn' | 'attach' | 'reap') => void | Promise<void> = () => {}
  readonly #programs: Readonly<Record<string, ScriptedProgram>> | undefined

  constructor({ id = 'scripted', programs }: ScriptedSandboxOptions = {}) {
    this.id = id
    this.#programs = programs
  }

  /** The processes that have not ended. */
  get running(): readonly ScriptedProcess[] {
    return this.started.filter(({ isRunning }) => isRunning)
  }

  async probe(): Promise<SandboxProbe> {
    return { isAvailable: true, enforces: ['process-tree'] }
  }

  async prepare({
    argv,
    workspace,
    cwd = '.',
    env = {},
    network = false,
    limits = {},
    terminal,
  }: CommandRequest): Promise<PreparedCommand> {
    await this.before('prepare')
    this.#programOf(argv[0])
    const path = argv[0].includes('/') ? argv[0] : `/bin/${argv[0]}`
    return {
      sandbox: this.id,
      argv,
      workspace,
      cwd: cwd === '.' ? workspace : `${workspace}/${cwd}`,
      executable: { path, sha256: '0'.repeat(64) },
      env,
      network,
      limits,
      ...(terminal === undefined ? {} : { terminal }),
    }
  }

  async spawn(command: PreparedCommand, options: SpawnOptions): Promise<ScriptedProcess> {
    await this.before('spawn')
    const program = this.#programOf(command.argv[0] ?? '')
    const process = new ScriptedProcess(this.started.length + 2, command, options)
    this.started.push(process)
    queueMicrotask(() => program(process))
    return process
  }

  async attach(identity: JsonObject, listener: CommandListener): Promise<ScriptedProcess | undefined> {
    await this.before('attach')
    const process = this.started.find(({ pid }) => pid === identity.pid)
    if (process?.isRunning !== true) return undefined
    process.listenWith(listener)
    return process
  }

  async reap(identity: JsonObject): Promise<void> {
    await this.before('reap')
    const process = this.started.find(({ pid, mark }) =>
      identity.pid === undefined ? mark !== undefined && mark === identity.mark : pid === identity.pid,
    )
    process?.exit('SIGKILL')
    if (process !== undefined) process.children = 0
  }

  /** Ends what is not detached, as the death of the node does. */
  killAll(): void {
    for (const process of this.running) if (!process.isDetached) process.exit('SIGKILL')
  }

  #programOf(path: string): ScriptedProgram {
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (this.#programs === undefined) return () => {}
    const program = Object.hasOwn(this.#programs, name) ? this.#programs[name] : undefined
    if (program === undefined) throw new BeamClawError('command-not-found', `There is no program "${name}" in the sandbox "${this.id}"`)
    return program
  }
}
