/** What callers see of background processes. */
import type { AgentId, RunId, SessionKey } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'
import type { CommandExit, PreparedCommand, TerminalSize } from '../ports/sandbox.ts'
import type { ProcessOutput } from './read-output.ts'

/**
 * Where a process stands. `exited`: by itself. `killed`: by `kill` or its timeout. `stopped`: with the node. `lost`: the node ended before, and what was left
 * of the process was ended; or the sandbox does not know it any more.
 */
export type ProcessStatus = 'starting' | 'running' | 'exited' | 'killed' | 'stopped' | 'lost'

/** The call that has started a process, and the session that hears of its end. */
export interface ProcessOwner {
  readonly sessionKey: SessionKey
  readonly agentId: AgentId
  readonly runId: RunId
  /** `ToolContext.idempotencyKey` of the call. */
  readonly callKey: string
  /** The context that the session's agent needs with a message. @default none */
  readonly context?: JsonValue
}

/** A process of a tool, as it is now. */
export interface BackgroundProcess {
  /** Two words, and a number where they are taken: `brave-otter`. Unique in its tenant. */
  readonly id: string
  readonly owner: ProcessOwner
  /** The command line, for people. */
  readonly command: string
  /** Id of its sandbox. */
  readonly sandbox: string
  readonly cwd: string
  readonly status: ProcessStatus
  /** False while a call waits for it. */
  readonly isBackground: boolean
  readonly isDetached: boolean
  readonly hasTerminal: boolean
  readonly pid: number | undefined
  /** Wall time in milliseconds. */
  readonly startedAt: number
  /** Undefined while it runs. */
  readonly endedAt: number | undefined
  /** Undefined while it runs, and for one that is lost. */
  readonly exit: CommandExit | undefined
  /** True when its timeout has ended it. */
  readonly isTimedOut: boolean
  /** Bytes printed so far. */
  readonly outputBytes: number
}

/** Options of `ProcessList.start`. */
export interface StartProcessOptions {
  /** The command line for people; at most its first 4,000 characters are kept. @default the arguments */
  readonly label?: string
  /** False for a process that the caller waits for; `sendToBackground` ends the wait. @default true */
  readonly isBackground?: boolean
  /** Whether it goes on when this node ends, and is found again by the next one, in a sandbox that can. @default false */
  readonly isDetached?: boolean
  /** Whether its end is told to the owner, if it was in the background then. @default true */
  readonly notify?: boolean
  /** Milliseconds until it is killed. @default never */
  readonly timeoutMs?: number
}

/** Which processes to list; all conditions must hold. */
export interface ProcessFilter {
  readonly sessionKey?: string
  /** True for those that have not ended, false for the ended ones. */
  readonly isRunning?: boolean
}

/** Options of `ProcessList.read`. */
export interface ReadProcessOptions {
  /** Number of the first byte. @default 0 */
  readonly from?: number
  /** 64 bytes to 1 MiB. @default 65536 */
  readonly maxBytes?: number
}

/** Options of `ProcessList.poll`. */
export interface PollProcessOptions extends ReadProcessOptions {
  /** Longest wait in milliseconds. @default 0 */
  readonly waitMs?: number
  /** What ends the wait: more output after `from`, or only the end of the process. @default 'output' */
  readonly until?: 'output' | 'end'
  /** Ends the wait with `call-aborted`. */
  readonly signal?: AbortSignal
}

/** The processes of one tenant. Every method rejects or throws `unknown-process` for an id that it does not have, and `invalid-option`. */
export interface ProcessList {
  /**
   * Starts a prepared command; resolves once the process runs and a later node would know of it. Rejects `too-many-processes`, `sandbox-unavailable`, and as
   * `Sandbox.spawn` and the store do; nothing runs then.
   */
  start(command: PreparedCommand, owner: ProcessOwner, options?: StartProcessOptions): Promise<BackgroundProcess>
  /** Returns the processes, the latest first. */
  list(filter?: ProcessFilter): readonly BackgroundProcess[]
  get(id: string): BackgroundProcess
  /** Returns the end of the output. @default 8192 bytes */
  tail(id: string, maxBytes?: number): ProcessOutput
  /** Returns output from a byte number on. The last 200 KB are kept. */
  read(id: string, options?: ReadProcessOptions): ProcessOutput
  /** Waits for output or for the end, then reads. */
  poll(id: string, options?: PollProcessOptions): Promise<ProcessOutput>
  /** The caller waits no longer: from now on the owner is told of the end. Resolves once that is durable, with the process, which may have ended before. */
  sendToBackground(id: string): Promise<BackgroundProcess>
  /** Writes to its input. Rejects `command-ended`. */
  write(id: string, data: string | Uint8Array): Promise<void>
  /** Presses keys in its terminal: `Enter`, `Up`, `C-c`, `M-x`, or single characters. Rejects `command-ended`. */
  keys(id: string, names: readonly string[]): Promise<void>
  /** Ends its input. Idempotent. */
  endInput(id: string): Promise<void>
  resize(id: string, size: TerminalSize): void
  /**
   * Ends a process and its children: asks, and forces after `killAfterMs`. Resolves when nothing of it is left, or with `exit.survivors` above 0. Its owner is
   * not told: the caller is. Concurrent calls are one. One that has ended stays as it is.
   */
  kill(id: string): Promise<BackgroundProcess>
}
