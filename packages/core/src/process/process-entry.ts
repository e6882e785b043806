/** One process of the table: its record, its output, and the callers that wait for it. */
import type { Clock, Logger, TimerHandle } from '@beamclaw/actor'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { CommandExit, CommandListener, CommandSignal, SandboxProcess } from '../ports/sandbox.ts'
import type { Store } from '../ports/store.ts'
import type { StoreKey } from '../ports/store-key.ts'
import { type KillState, nextKillStep } from './kill-plan.ts'
import type { OutputRing } from './output-ring.ts'
import { ProcessDocument } from './process-document.ts'
import { maxInput } from './process-input.ts'
import { applyChange, type EndCause, hasEnded, type ProcessChange, type ProcessRecord, toDocument } from './process-record.ts'
import type { BackgroundProcess } from './process-types.ts'
import { tailOf } from './read-output.ts'

/** Bytes of output that the document has. */
const storedTailBytes = 8_192

/** Milliseconds between two writes of the output. */
const saveEveryMs = 2_000

export interface ProcessEntryOptions {
  readonly record: ProcessRecord
  readonly ring: OutputRing
  readonly store: Store
  readonly key: StoreKey
  readonly clock: Clock
  readonly logger: Logger
  readonly killAfterMs: number
  /** Called when it runs, goes to the background or has ended. */
  readonly onChanged: () => void
  /** Called once, when the process has ended. */
  readonly onEnded: () => void
}

/**
 * Phases: `starting → running → ended`; `released` ends its part in any of them: the record stays as it is, timers are gone, waits reject.
 * Owns the record, the ring, the document, its timers and the kill under way.
 * I1: The record ends once. I2: While it is being killed the end is recorded last, with what has survived. I3: No timer of an ended process is pending.
 * I4: At most `maxInput` bytes of several writes wait for the process.
 */
export class ProcessEntry {
  readonly ring: OutputRing
  readonly document: ProcessDocument
  readonly #options: ProcessEntryOptions
  readonly #spawned = Promise.withResolvers<SandboxProcess | undefined>()
  readonly #waits = new Set<() => void>()
  #record: ProcessRecord
  #process: SandboxProcess | undefined
  #exit: CommandExit | undefined
  #killing: Promise<void> | undefined
  #saveTimer: TimerHandle | undefined
  #timeout: TimerHandle | undefined
  #isReleased = false
  /** Bytes of writes that the process has not taken yet. */
  #unread = 0

  constructor(options: ProcessEntryOptions) {
    this.#options = options
    this.#record = options.record
    this.ring = options.ring
    this.document = new ProcessDocument(options.store, options.key, () => toDocument(this.record))
  }

  /** The record, with the output of now. */
  get record(): ProcessRecord {
    const { text } = tailOf(this.ring, storedTailBytes, true)
    this.#record = applyChange(this.#record, { type: 'output', outputBytes: this.ring.total, tail: text })
    return this.#record
  }

  get id(): string {
    return this.#record.id
  }

  get hasEnded(): boolean {
    return hasEnded(this.#record)
  }

  get sessionKey(): string {
    return this.#record.owner.sessionKey
  }

  get endedAt(): number {
    return this.#record.endedAt ?? Number.POSITIVE_INFINITY
  }

  get isDetached(): boolean {
    return this.#record.isDetached
  }

  get mark(): string {
    return this.#record.mark ?? ''
  }

  get isNoticeDue(): boolean {
    return this.#record.notice === 'due'
  }

  /** What callers see of it. */
  get view(): BackgroundProcess {
    const {
      id,
      owner,
      command,
      sandbox,
      cwd,
      status,
      isBackground,
      isDetached,
      startedAt,
      endedAt,
      exit,
      isTimedOut = false,
    } = this.#record
    return {
      ...{ id, owner, command, sandbox, cwd, status, isBackground, isDetached, startedAt, endedAt, isTimedOut },
      hasTerminal: this.#process?.hasTerminal ?? false,
      pid: this.#process?.pid,
      exit: exit && { code: exit.code ?? undefined, signal: exit.signal ?? undefined, survivors: exit.survivors },
      outputBytes: this.ring.total,
    }
  }

  /** What the sandbox calls. */
  readonly listener: CommandListener = {
    onOutput: (chunk) => this.#printed(chunk),
    onExit: (exit) => this.#exited(exit),
  }

  /** The process runs. It may have ended already. */
  spawned(process: SandboxProcess, timeoutMs?: number): void {
    this.#process = process
    this.change({ type: 'spawned', identity: process.identity })
    if (timeoutMs !== undefined && !this.hasEnded && !this.#isReleased)
      this.#timeout = this.#options.clock.setTimer(() => void this.terminate('timeout').catch(() => {}), timeoutMs)
    this.#spawned.resolve(process)
  }

  /** There is no process, or none that can be found. No effect on one that was spawned. */
  notSpawned(): void {
    this.#spawned.resolve(undefined)
  }

  change(change: ProcessChange): void {
    const { status, isBackground } = this.#record
    const before = this.hasEnded
    this.#record = applyChange(this.#record, change)
    if (this.#record.status !== status || this.#record.isBackground !== isBackground) this.#options.onChanged()
    if (before || !this.hasEnded) return
    this.#cancelTimers()
    this.#wake()
    this.#options.onEnded()
  }

  /** Returns the process to write to. Throws `command-ended`. */
  living(): SandboxProcess {
    if (this.#process !== undefined && !this.hasEnded) return this.#process
    const { id, status } = this.#record
    throw new BeamClawError('command-ended', `The process "${id}" does not run: it is ${status}`, { details: { id, status } })
  }

  /**
   * Writes to the input; resolves when the pipe has taken it. Rejects `command-ended`, and `overloaded` when more than a mebibyte would wait for a process that
   * does not read.
   */
  async write(bytes: Uint8Array): Promise<void> {
    const process = this.living()
    if (this.#unread > 0 && this.#unread + bytes.length > maxInput) throw this.#doesNotRead(bytes.length)
    this.#unread += bytes.length
    try {
      await process.write(bytes)
    } finally {
      this.#unread -= bytes.length
    }
  }

  #doesNotRead(bytes: number): BeamClawError {
    const { id } = this.#record
    const problem = `The process "${id}" does not read its input: ${this.#unread} bytes wait for it, and ${bytes} more would be over ${maxInput}. Poll it for what it waits for, or end it`
    return new BeamClawError('overloaded', problem, { details: { id, waiting: this.#unread }, retryAfterMs: 1_000 })
  }

  /** Resolves when `isReady` returns true, after `waitMs`, or rejects when the signal is aborted or the table has ended. */
  wait(isReady: () => boolean, waitMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#isReleased) return Promise.reject(tableEnded())
    if (signal?.aborted === true) return Promise.reject(waitAborted(signal))
    if (waitMs === 0 || isReady()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void): void => {
        timer.cancel()
        signal?.removeEventListener('abort', abort)
        this.#waits.delete(check)
        settle()
      }
      const abort = (): void => finish(() => reject(waitAborted(signal)))
      const check = (): void => {
        if (this.#isReleased) finish(() => reject(tableEnded()))
        else if (isReady()) finish(resolve)
      }
      const timer = this.#options.clock.setTimer(() => finish(resolve), waitMs)
      this.#waits.add(check)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /** Ends the process and its children; the first of concurrent calls counts. Rejects `actor-not-running` when the table ends meanwhile. */
  terminate(by: EndCause): Promise<void> {
    if (this.hasEnded) return Promise.resolve()
    this.#killing ??= this.#terminate(by)
    return this.#killing
  }

  /** Lets go of the process as it is: nothing more is recorded. */
  release(): void {
    this.#isReleased = true
    this.document.close()
    this.#cancelTimers()
    this.#spawned.resolve(undefined)
    this.#wake()
  }

  #printed(chunk: Uint8Array): void {
    if (this.#isReleased || this.hasEnded) return
    this.ring.append(chunk)
    this.#wake()
    this.#saveTimer ??= this.#options.clock.setTimer(() => this.#saveOutput(), saveEveryMs, true)
  }

  #saveOutput(): void {
    this.#saveTimer = undefined
    this.document.save().catch((error: unknown) => {
      this.#options.logger.log('warn', 'process.output-not-saved', { process: this.id, error: describeError(error) })
    })
  }

  #exited(exit: CommandExit): void {
    if (this.#isReleased || this.#exit !== undefined) return
    this.#exit = exit
    if (this.#killing === undefined) this.#end(exit, 'itself')
    else this.#wake()
  }

  #end(exit: CommandExit, by: EndCause): void {
    this.change({ type: 'ended', exit, by, at: this.#options.clock.now() })
  }

  async #terminate(by: EndCause): Promise<void> {
    const process = await this.#spawned.promise
    this.#checkHeld()
    if (process === undefined || this.hasEnded) return
    const hasSurvivors = await this.#kill(process)
    if (!hasSurvivors && this.#exit === undefined) await this.wait(() => this.#exit !== undefined, this.#options.killAfterMs)
    this.#checkHeld()
    const { code, signal, survivors = 0 } = this.#exit ?? {}
    this.#end({ code, signal, survivors: hasSurvivors ? Math.max(1, survivors) : survivors }, by)
  }

  /** Resolves with whether something of it is left after all. */
  async #kill(process: SandboxProcess): Promise<boolean> {
    const { clock, killAfterMs } = this.#options
    await this.#signal(process, 'SIGTERM')
    // A stopped process does not see the request before it goes on.
    let isGone = !(await this.#signal(process, 'SIGCONT'))
    let phase: KillState['phase'] = 'term'
    let since = clock.monotonic()
    for (;;) {
      this.#checkHeld()
      const step = nextKillStep({ phase, elapsedMs: clock.monotonic() - since, isGone }, killAfterMs)
      if (step.type === 'done') return step.hasSurvivors
      if (step.type === 'force') {
        phase = 'kill'
        since = clock.monotonic()
      } else {
        const exit = this.#exit
        await this.wait(() => this.#exit !== exit, step.ms)
      }
      isGone = !(await this.#signal(process, phase === 'kill' ? 'SIGKILL' : 'SIGCONT'))
    }
  }

  /** Resolves with whether something is left; true as well when the sandbox cannot tell, or does not within `killAfterMs`. */
  async #signal(process: SandboxProcess, signal: CommandSignal): Promise<boolean> {
    const sent = Promise.withResolvers<boolean>()
    const timer = this.#options.clock.setTimer(() => sent.resolve(true), this.#options.killAfterMs)
    try {
      process.signal(signal).then(sent.resolve, sent.reject)
      return await sent.promise
    } catch (error) {
      this.#options.logger.log('warn', 'process.not-signalled', { process: this.id, signal, error: describeError(error) })
      return true
    } finally {
      timer.cancel()
    }
  }

  #checkHeld(): void {
    if (this.#isReleased) throw tableEnded()
  }

  #cancelTimers(): void {
    this.#saveTimer?.cancel()
    this.#saveTimer = undefined
    this.#timeout?.cancel()
    this.#timeout = undefined
  }

  #wake(): void {
    for (const check of [...this.#waits]) check()
  }
}

function waitAborted(signal: AbortSignal | undefined): BeamClawError {
  return new BeamClawError('call-aborted', 'poll: the signal is aborted', { cause: signal?.reason })
}

/** The error of a call to a table that has ended meanwhile. */
export function tableEnded(): BeamClawError {
  return new BeamClawError('actor-not-running', 'The table of processes has ended; use the one of the running BeamClaw')
}
