/** The port to the place where commands of tools run: the host itself, a namespace, a container, another machine. */
import type { JsonObject } from '../base/messages.ts'

/** Limits of one command; each bounds the process and its children as far as the sandbox can (`SandboxProbe.enforces`). */
export interface CommandLimits {
  /** Seconds of processor time. */
  readonly cpuSeconds?: number
  readonly memoryBytes?: number
  /** Processes and threads at a time. */
  readonly processes?: number
  /** Bytes of the largest file that it may write. */
  readonly fileBytes?: number
  readonly openFiles?: number
}

/** Size of a terminal, in characters. */
export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

/** A command as a tool asks for it. */
export interface CommandRequest {
  /** The program and its arguments. A program without a slash is looked up in the sandbox's own PATH, never in the caller's. */
  readonly argv: readonly [string, ...string[]]
  /** Absolute path of the directory that the command works in and may write to. */
  readonly workspace: string
  /** Relative to the workspace. @default the workspace */
  readonly cwd?: string
  /** Variables beside those that the sandbox sets. A name that may run code or change the search for programs is refused, not dropped. */
  readonly env?: Readonly<Record<string, string>>
  /** Whether it may use the network. @default false */
  readonly network?: boolean
  readonly limits?: CommandLimits
  /** Runs in a terminal of this size; output and errors then come as one. @default pipes */
  readonly terminal?: TerminalSize
}

/** A file that a command runs, as it was when the command was prepared. */
export interface CommandFile {
  /** Real path, without symbolic links. */
  readonly path: string
  /** SHA-256 of its content, in hexadecimal. */
  readonly sha256: string
}

/**
 * A command that is ready to start, and nothing of it is looked up or parsed again. It is JSON: an approval records it, and after the approval just this
 * one runs.
 */
export interface PreparedCommand {
  /** Id of the sandbox that has prepared it. No other one starts it. */
  readonly sandbox: string
  readonly argv: readonly string[]
  readonly workspace: string
  /** Real path of the working directory, in the sandbox's own terms, and its identity where the sandbox can tell one. */
  readonly cwd: string
  readonly cwdId?: string
  /** The program, and the scripts among its arguments; absent where the sandbox cannot read them, as on another machine. */
  readonly executable?: CommandFile
  readonly scripts?: readonly CommandFile[]
  /** The variables of the request. */
  readonly env: Readonly<Record<string, string>>
  readonly network: boolean
  readonly limits: CommandLimits
  readonly terminal?: TerminalSize
}

/** How a command ended. Exactly one of code and signal is set, unless the sandbox has lost it. */
export interface CommandExit {
  readonly code: number | undefined
  /** `SIGKILL` and the like. */
  readonly signal: string | undefined
  /** Processes of the command that could not be ended. @default 0 */
  readonly survivors: number
}

/** The signals that a sandbox sends. */
export type CommandSignal = 'SIGINT' | 'SIGTERM' | 'SIGKILL' | 'SIGHUP' | 'SIGCONT'

/** What the owner of a command hears of it. Each is called from a clean stack; one that throws is logged and changes nothing. */
export interface CommandListener {
  onOutput(chunk: Uint8Array, stream: 'stdout' | 'stderr'): void
  /** Called once, after the last output. */
  onExit(exit: CommandExit): void
}

/** Options of `Sandbox.spawn`. */
export interface SpawnOptions {
  readonly listener: CommandListener
  /** Whether the command goes on when the process that started it dies. @default false: it is killed with it */
  readonly isDetached?: boolean
  /**
   * 24 hexadecimal digits, which the caller has stored before: until it has stored the identity, `reap({ sandbox, mark })` finds the command by them alone.
   * @default random ones
   */
  readonly mark?: string
}

/** A command under way. */
export interface SandboxProcess {
  /** The process id where it was started; undefined where there is none, as in a container on another machine. */
  readonly pid: number | undefined
  /** What `Sandbox.attach` of a later process finds it by: JSON that tells it apart from another process with the same id. */
  readonly identity: JsonObject
  /** True when a terminal was asked for and there is one. */
  readonly hasTerminal: boolean
  /** Writes to its input; resolves when the pipe has taken it. Rejects `command-ended` when the input is closed. */
  write(data: Uint8Array): Promise<void>
  /** Ends its input. Idempotent. */
  endInput(): Promise<void>
  /** Does nothing without a terminal. */
  resize(size: TerminalSize): void
  /** Sends a signal to the command and all its children; resolves with false when none is left. Never signals a process that has taken the id since. */
  signal(signal: CommandSignal): Promise<boolean>
}

/** What a sandbox can do here. */
export interface SandboxProbe {
  readonly isAvailable: boolean
  /** Why not, and what to install or change; for people. */
  readonly reason?: string
  /** What it holds a command back from. What is not listed it does not enforce. */
  readonly enforces: readonly ('filesystem' | 'network' | 'process-tree' | keyof CommandLimits)[]
}

/**
 * Runs commands. Rejects only with BeamClawError, and fails closed: `sandbox-unavailable` where it cannot run, `command-refused` for a command that may not,
 * or that has changed since it was prepared, `command-not-found`; where only the start can tell that a program is missing, as in a container, the command ends
 * with 127. Proven by `sandboxContract()` in testkit.
 */
export interface Sandbox {
  /** Names it in plans, lists and messages: `bubblewrap`, `local`. 1 to 64 of a-z, 0-9 and `-`. */
  readonly id: string
  /** Tells whether it works. Looks once and keeps the answer, and looks again after a failure. */
  probe(): Promise<SandboxProbe>
  /** Checks a request and finds what it names. Starts nothing, changes nothing. */
  prepare(request: CommandRequest): Promise<PreparedCommand>
  /** Starts a prepared command, after a check that program, scripts and working directory are what they were. */
  spawn(command: PreparedCommand, options: SpawnOptions): Promise<SandboxProcess>
  /** Returns a detached command that an earlier process has started; undefined when it is over. Output comes from now on. */
  attach?(identity: JsonObject, listener: CommandListener): Promise<SandboxProcess | undefined>
  /**
   * Ends what an earlier process has left of a command, by its identity, or by `{ sandbox, mark }` when that process has died before it knew the identity.
   * Resolves when nothing of it runs.
   */
  reap?(identity: JsonObject): Promise<void>
}
