/** The background processes of one tenant. */
import type { TimerHandle } from '@beamclaw/actor'
import { hintOf, maxTimerMs } from '@beamclaw/actor/internal'
import { BeamClawError, describeError } from '../base/errors.ts'
import { parseSessionKey } from '../base/ids.ts'
import { TurnQueue } from '../defaults/turn-queue.ts'
import type { PartHost } from '../part/part.ts'
import type { PreparedCommand, Sandbox, SandboxProcess, TerminalSize } from '../ports/sandbox.ts'
import { DeletedOwners } from './deleted-owners.ts'
import { ExitNotices } from './exit-notices.ts'
import { nextForgetMs, toForget } from './finished-processes.ts'
import { OutputRing } from './output-ring.ts'
import { checkCaps } from './process-caps.ts'
import { ProcessEntry, tableEnded } from './process-entry.ts'
import { checkFilter, checkKeys, checkPoll, checkRead, checkSize, checkStart, checkTail, inputBytes, labelOf } from './process-input.ts'
import { type ProcessRecord, processKey } from './process-record.ts'
import type { ProcessSettings } from './process-table-options.ts'
import type {
  BackgroundProcess,
  PollProcessOptions,
  ProcessFilter,
  ProcessList,
  ProcessOwner,
  ReadProcessOptions,
  StartProcessOptions,
} from './process-types.ts'
import { type ProcessOutput, readOutput, tailOf } from './read-output.ts'
import { readRecords, recover } from './recover-processes.ts'
import { newMark, newSlug } from './slug.ts'
import { encodeKeys } from './terminal-keys.ts'

/** Milliseconds in which a node that has left may be back: then it sees to its processes itself. */
const returnWithinMs = 30_000

/**
 * Phases: `new → open → closing → released`. Owns the entries of the tenant, the timer that forgets ended ones, the notices of ends, and the watch of the owners.
 * I1: A process that runs has a document, written before it was started. I2: An entry is forgotten after its end is durable and its owner was told.
 * I3: Once released nothing is recorded any more: the next incarnation decides what the documents mean.
 */
export class TenantProcesses implements ProcessList {
  readonly #host: PartHost
  readonly #settings: ProcessSettings
  readonly #entries = new Map<string, ProcessEntry>()
  // Entries whose end is durable, and told where it has to be.
  readonly #settled = new Set<ProcessEntry>()
  readonly #notices: ExitNotices
  readonly #deletedOwners: DeletedOwners
  readonly #starts: TurnQueue
  readonly #tell: (process: BackgroundProcess) => void
  // Waits for nodes that have left.
  readonly #returns = new Set<TimerHandle>()
  #ignoreNodes: () => void = () => {}
  #forgetTimer: TimerHandle | undefined
  #phase: 'new' | 'open' | 'closing' | 'released' = 'new'

  constructor(host: PartHost, settings: ProcessSettings, tell: (process: BackgroundProcess) => void) {
    this.#host = host
    this.#tell = tell
    this.#settings = settings
    this.#notices = new ExitNotices({ host, queueMode: settings.queueMode })
    this.#starts = new TurnQueue(host.services.clock)
    this.#deletedOwners = new DeletedOwners(host.events, host.tenant, (sessionKey) => this.#killAllOf(sessionKey))
  }

  /** Reads the documents, and ends or finds again what ran. Rejects as the store does. */
  async open(): Promise<void> {
    const { sandboxes, killAfterMs } = this.#settings
    const { clock, logger } = this.#host.services
    const { cluster, nodes } = this.#host
    const records = await readRecords(this.#host, [cluster.self.id])
    if (this.#phase !== 'new') return
    this.#ignoreNodes = nodes.onLeft((left) => this.#awaitReturn(left.map(({ id }) => id)))
    const left: ProcessEntry[] = []
    for (const record of records) {
      const entry = this.#add(record)
      if (entry.hasEnded) this.#settle(entry)
      else left.push(entry)
    }
    await Promise.all(left.map((entry) => recover(entry, { sandboxes, clock, logger, withinMs: killAfterMs * 2 })))
    if (this.#phase === 'new') this.#phase = 'open'
  }

  /** A node that was started again sees to its processes itself. */
  #awaitReturn(left: readonly string[]): void {
    const timer = this.#host.services.clock.setTimer(
      () => {
        this.#returns.delete(timer)
        const back = this.#host.cluster.members.map(({ id }) => id as string)
        this.#callLost(left.filter((id) => !back.includes(id))).catch((error: unknown) =>
          this.#log('process.not-taken-over', undefined, error),
        )
      },
      returnWithinMs,
      true,
    )
    this.#returns.add(timer)
  }

  /** Tells the owners that their processes ended with their node. Those that outlive their node are still its own. */
  async #callLost(nodes: readonly string[]): Promise<void> {
    if (nodes.length === 0) return
    for (const record of await readRecords(this.#host, nodes)) {
      if (this.#phase !== 'open' || record.isDetached || this.#entries.has(record.id)) continue
      const entry = this.#add(record)
      if (!entry.hasEnded) {
        entry.notSpawned()
        entry.change({ type: 'lost', at: this.#host.services.clock.now() })
      } else this.#settle(entry)
    }
  }

  /** Ends every process that is not detached. Resolves once nothing runs and that is durable. */
  async close(): Promise<void> {
    this.#phase = 'closing'
    this.#notices.close()
    await Promise.all([...this.#entries.values()].map((entry) => this.#closeEntry(entry)))
  }

  /** Cancels all timers, and lets go of all processes. */
  release(): void {
    this.#phase = 'released'
    this.#notices.close()
    this.#deletedOwners.close()
    this.#ignoreNodes()
    for (const timer of this.#returns) timer.cancel()
    this.#forgetTimer?.cancel()
    for (const entry of this.#entries.values()) entry.release()
  }

  get isReleased(): boolean {
    return this.#phase === 'released'
  }

  async start(command: PreparedCommand, owner: ProcessOwner, options: StartProcessOptions = {}): Promise<BackgroundProcess> {
    const checked = checkStart(command, owner, options)
    this.#checkOpen()
    const sandbox = this.#sandboxOf(command)
    if (options.isDetached === true && sandbox.attach === undefined) {
      const problem = `ProcessList.start: the sandbox "${sandbox.id}" cannot find a detached process again; leave "isDetached" out`
      throw new BeamClawError('invalid-option', problem, { details: { sandbox: sandbox.id } })
    }
    const entry = await this.#reserve(command, checked, options)
    try {
      entry.spawned(await this.#spawn(sandbox, command, entry), options.timeoutMs)
      await entry.document.save()
    } catch (error) {
      await this.#abandon(entry)
      throw error
    }
    return entry.view
  }

  list(filter: ProcessFilter = {}): readonly BackgroundProcess[] {
    checkFilter(filter)
    const { isRunning } = filter
    const key = filter.sessionKey === undefined ? undefined : parseSessionKey(filter.sessionKey)
    const entries = [...this.#entries.values()].filter(
      (entry) => (key === undefined || entry.sessionKey === key) && (isRunning === undefined || entry.hasEnded !== isRunning),
    )
    return entries.map(({ view }) => view).reverse()
  }

  get(id: string): BackgroundProcess {
    return this.#entry(id).view
  }

  tail(id: string, maxBytes = 8_192): ProcessOutput {
    const entry = this.#entry(id)
    checkTail(maxBytes)
    return tailOf(entry.ring, maxBytes, entry.hasEnded)
  }

  read(id: string, options: ReadProcessOptions = {}): ProcessOutput {
    const entry = this.#entry(id)
    const { from, maxBytes } = checkRead('read', options)
    return readOutput(entry.ring, from, maxBytes, entry.hasEnded)
  }

  async poll(id: string, options: PollProcessOptions = {}): Promise<ProcessOutput> {
    const entry = this.#entry(id)
    const { from, maxBytes, waitMs, until, signal } = checkPoll(options)
    const hasOutput = (): boolean => entry.ring.total > from && readOutput(entry.ring, from, maxBytes, entry.hasEnded).text !== ''
    await entry.wait(() => entry.hasEnded || (until === 'output' && hasOutput()), waitMs, signal)
    return readOutput(entry.ring, from, maxBytes, entry.hasEnded)
  }

  async sendToBackground(id: string): Promise<BackgroundProcess> {
    const entry = this.#entry(id)
    entry.change({ type: 'background' })
    await entry.document.save()
    return entry.view
  }

  async write(id: string, data: string | Uint8Array): Promise<void> {
    const entry = this.#entry(id)
    await entry.write(inputBytes(data))
  }

  async keys(id: string, names: readonly string[]): Promise<void> {
    const entry = this.#entry(id)
    checkKeys(names)
    const text = encodeKeys(names)
    if (entry.living().hasTerminal) return entry.write(inputBytes(text))
    throw new BeamClawError('invalid-option', `keys: the process "${id}" has no terminal; use write, or start it with one`, {
      details: { id },
    })
  }

  async endInput(id: string): Promise<void> {
    const entry = this.#entry(id)
    if (!entry.hasEnded) await entry.living().endInput()
  }

  resize(id: string, size: TerminalSize): void {
    const entry = this.#entry(id)
    checkSize(size)
    if (!entry.hasEnded) entry.living().resize(size)
  }

  async kill(id: string): Promise<BackgroundProcess> {
    const entry = this.#entry(id)
    await entry.terminate('kill')
    return entry.view
  }

  #entry(id: string): ProcessEntry {
    if (this.#phase === 'released') throw tableEnded()
    const entry = this.#entries.get(id)
    if (entry !== undefined) return entry
    const name = String(id).slice(0, 64)
    const hint = hintOf(name, [...this.#entries.keys()].slice(-20), 'processes')
    throw new BeamClawError('unknown-process', `There is no process "${name}"; ${hint}`, { details: { id: name } })
  }

  #checkOpen(): void {
    if (this.#phase === 'open') return
    if (this.#phase === 'closing') throw new BeamClawError('draining', 'No process is started any more: this node is about to stop')
    throw tableEnded()
  }

  #sandboxOf({ sandbox: id }: PreparedCommand): Sandbox {
    const sandbox = this.#settings.sandboxes.get(id)
    if (sandbox !== undefined) return sandbox
    const hint = hintOf(String(id).slice(0, 64), [...this.#settings.sandboxes.keys()], 'sandboxes')
    throw new BeamClawError('sandbox-unavailable', `ProcessTable has no sandbox "${String(id).slice(0, 64)}"; ${hint}`)
  }

  /** Resolves with an entry whose document is durable. Rejects `too-many-processes`, and as the store does. */
  async #reserve(command: PreparedCommand, owner: ProcessOwner, options: StartProcessOptions): Promise<ProcessEntry> {
    checkCaps([...this.#entries.values()], owner.sessionKey, this.#settings)
    const foreign = new Set<string>()
    for (;;) {
      const { random, clock } = this.#host.services
      const id = newSlug(random, (slug) => this.#entries.has(slug) || foreign.has(slug))
      const entry = this.#add({
        id,
        node: this.#host.cluster.self.id,
        owner,
        command: labelOf(command.argv, options),
        sandbox: command.sandbox,
        cwd: command.cwd,
        status: 'starting',
        isBackground: options.isBackground ?? true,
        isDetached: options.isDetached ?? false,
        notify: options.notify ?? true,
        startedAt: clock.now(),
        mark: newMark(random),
        notice: 'none',
        outputBytes: 0,
        tail: '',
      })
      try {
        if (await entry.document.create()) return entry
      } catch (error) {
        await this.#abandon(entry)
        throw error
      }
      // Another node's process has the name.
      this.#entries.delete(id)
      entry.notSpawned()
      foreign.add(id)
    }
  }

  async #spawn(sandbox: Sandbox, command: PreparedCommand, entry: ProcessEntry): Promise<SandboxProcess> {
    // A start holds up the process for about a millisecond.
    await this.#starts.next()
    this.#checkOpen()
    const process = await sandbox.spawn(command, { listener: entry.listener, isDetached: entry.isDetached, mark: entry.mark })
    // The table has crashed meanwhile, and its next incarnation does not know how to find this process.
    if (this.#phase !== 'released') return process
    await process.signal('SIGKILL').catch(() => {})
    throw tableEnded()
  }

  /** Takes back a process that was not started, or that no later node would find. */
  async #abandon(entry: ProcessEntry): Promise<void> {
    const { id } = entry
    entry.notSpawned()
    await entry.terminate('kill').catch(() => {})
    if (this.#phase === 'released') return
    entry.release()
    this.#entries.delete(id)
    this.#settled.delete(entry)
    await entry.document.delete().catch((error: unknown) => this.#log('process.not-forgotten', id, error))
  }

  #add(record: ProcessRecord): ProcessEntry {
    const { store, services, tenant } = this.#host
    const { ringBytes, killAfterMs } = this.#settings
    const entry: ProcessEntry = new ProcessEntry({
      record,
      ring: new OutputRing(ringBytes, new TextEncoder().encode(record.tail), record.outputBytes),
      store,
      key: processKey(tenant, record.id),
      clock: services.clock,
      logger: services.logger,
      killAfterMs,
      onChanged: () => {
        if (this.#phase !== 'released') this.#tell(entry.view)
      },
      onEnded: () => this.#settle(entry),
    })
    this.#entries.set(record.id, entry)
    this.#watchOwners()
    return entry
  }

  #watchOwners(): void {
    if (this.#phase === 'released') return
    this.#deletedOwners.watch(new Set([...this.#entries.values()].filter((entry) => !entry.hasEnded).map((entry) => entry.sessionKey)))
  }

  #killAllOf(sessionKey: string): void {
    for (const entry of this.#entries.values()) {
      if (entry.sessionKey === sessionKey)
        entry.terminate('kill').catch((error: unknown) => this.#log('process.not-killed', entry.id, error))
    }
  }

  #settle(entry: ProcessEntry): void {
    this.#watchOwners()
    this.#notices.settle(entry, () => {
      if (!this.#entries.has(entry.id)) return
      this.#settled.add(entry)
      this.#forget()
    })
  }

  /** Forgets the ended processes that are too old or too many, and waits for the next one to be. */
  #forget(): void {
    if (this.#phase === 'released' || this.#phase === 'closing') return
    const { clock } = this.#host.services
    const ended = (): { id: string; sessionKey: string; endedAt: number }[] =>
      [...this.#settled].map((entry) => ({ id: entry.id, sessionKey: entry.sessionKey, endedAt: entry.endedAt }))
    for (const id of toForget(ended(), this.#settings, clock.now())) {
      const entry = this.#entries.get(id)
      if (entry === undefined) continue
      this.#entries.delete(id)
      this.#settled.delete(entry)
      entry.document.delete().catch((error: unknown) => this.#log('process.not-forgotten', id, error))
    }
    this.#forgetTimer?.cancel()
    const delayMs = nextForgetMs(ended(), this.#settings.keepFinishedMs, clock.now())
    this.#forgetTimer = delayMs === undefined ? undefined : clock.setTimer(() => this.#forget(), Math.min(delayMs, maxTimerMs), true)
  }

  async #closeEntry(entry: ProcessEntry): Promise<void> {
    try {
      if (!entry.hasEnded && !entry.isDetached) await entry.terminate('stop')
      if (!this.#settled.has(entry)) await entry.document.save()
    } catch (error) {
      this.#log('process.not-closed', entry.id, error)
    }
  }

  #log(event: string, process: string | undefined, error: unknown): void {
    const about = process === undefined ? {} : { process }
    if (this.#phase !== 'released') this.#host.services.logger.log('warn', event, { ...about, error: describeError(error) })
  }
}
