/** The sub-agents of one tenant. */

import type { TimerHandle } from '@beamclaw/actor'
import { hintOf, maxTimerMs } from '@beamclaw/actor/internal'
import type { ActedFor } from '../approval/grant-match.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import { parseAgentId, parseSessionKey, type SessionKey, sessionKeyParts } from '../base/ids.ts'
import { keysBelow } from '../defaults/keys-below.ts'
import type { PartHost } from '../part/part.ts'
import { SettingsDocument } from '../session/session-settings.ts'
import { isAllowed } from '../tool/tool-names.ts'
import { ChildRun } from './child-run.ts'
import { ParentWatch } from './parent-watch.ts'
import { planSubAgent, type SpawningCall } from './plan-sub-agent.ts'
import { checkCancel, checkFilter, checkSpawn, digestOf, otherTask } from './spawn-input.ts'
import { SubAgentEntry } from './sub-agent-entry.ts'
import type { SubAgentSettings } from './sub-agent-options.ts'
import { fromDocument, type StopReason, type SubAgentRecord, subAgentKey, subAgentKeys } from './sub-agent-record.ts'
import type { SpawnRequest, SubAgent, SubAgentFilter, SubAgentList } from './sub-agent-types.ts'

/** Milliseconds for which an ended sub-agent is kept in the list. */
const keepEndedMs = 24 * 3_600_000

/**
 * Phases: `new → open → released`. Owns the entries of the tenant with their runs, deadlines and watches, and the timer that forgets ended ones.
 * I1: A sub-agent that runs has a document, written before it was started. I2: An entry is forgotten after it is settled, and not before its parent has ended.
 * I3: Once released nothing is written any more: the next incarnation goes on from the documents.
 */
export class TenantSubAgents implements SubAgentList {
  readonly #host: PartHost
  readonly #settings: SubAgentSettings
  readonly #entries = new Map<string, SubAgentEntry>()
  readonly #runs = new Map<string, ChildRun>()
  readonly #deadlines = new Map<string, TimerHandle>()
  readonly #watches = new Map<SessionKey, ParentWatch>()
  // Spawns whose document is being written.
  readonly #spawning = new Map<string, Promise<SubAgentEntry>>()
  readonly #saving = new Set<Promise<unknown>>()
  #forgetTimer: TimerHandle | undefined
  #ignoreNodes: () => void = () => {}
  #phase: 'new' | 'open' | 'released' = 'new'

  constructor(host: PartHost, settings: SubAgentSettings) {
    this.#host = host
    this.#settings = settings
  }

  /** Reads the documents, and goes on with each. Rejects as the store does. */
  async open(): Promise<void> {
    const records = await this.#unknown()
    if (this.#phase !== 'new') return
    this.#phase = 'open'
    this.#ignoreNodes = this.#host.nodes.onLeft(() => void this.#takeOver())
    // What its parent may do without being asked a sub-agent may do, and no more: whatever was allowed to its agent elsewhere.
    this.#host.approvals.inner.actFor((key) => this.#originOf(key))
    this.#goOn(records)
  }

  /** Resolves with the records that are not in the list, the oldest first. Rejects as the store does. */
  async #unknown(): Promise<readonly SubAgentRecord[]> {
    const { store, tenant, services } = this.#host
    const records: SubAgentRecord[] = []
    for await (const key of keysBelow(store, subAgentKeys(tenant))) {
      const id = key[2]
      if (key.length !== 3 || id === undefined || this.#entries.has(id)) continue
      const record = fromDocument((await store.get(key))?.value ?? null, id)
      if (record === undefined) services.logger.log('warn', 'sub-agent.document-unreadable', { subAgent: id })
      else records.push(record)
    }
    return records.sort((a, b) => a.startedAt - b.startedAt)
  }

  #goOn(records: readonly SubAgentRecord[]): void {
    // All are known before one goes on: each looks for its own sub-agents.
    const fresh = records.filter(({ id }) => !this.#entries.has(id)).map((record) => this.#add(record))
    for (const entry of fresh) this.#work(entry)
    for (const entry of this.#entries.values()) if (this.#isOrphan(entry)) this.#stop(entry, 'parent', false)
  }

  /** Follows what other nodes have started: one of them is gone. That several nodes do so is harmless, for each step has the same key. */
  async #takeOver(): Promise<void> {
    try {
      const records = await this.#unknown()
      if (this.#phase === 'open') this.#goOn(records)
    } catch (error) {
      this.#host.services.logger.log('warn', 'sub-agents.not-taken-over', { error: describeError(error) })
    }
  }

  /** Resolves once what was being written is durable. The runs go on with their sessions, and are followed again by the next start. */
  async close(): Promise<void> {
    this.#letGo()
    await Promise.allSettled([...this.#spawning.values(), ...this.#saving])
  }

  /** Cancels all timers, and lets go of all sub-agents. */
  release(): void {
    this.#letGo()
    for (const entry of this.#entries.values()) entry.release(ended())
  }

  #letGo(): void {
    this.#phase = 'released'
    this.#ignoreNodes()
    this.#forgetTimer?.cancel()
    for (const run of this.#runs.values()) run.close()
    for (const timer of this.#deadlines.values()) timer.cancel()
    for (const watch of this.#watches.values()) watch.close()
    this.#runs.clear()
    this.#deadlines.clear()
    this.#watches.clear()
  }

  get isReleased(): boolean {
    return this.#phase === 'released'
  }

  async spawn(request: SpawnRequest): Promise<SubAgent> {
    const checked = checkSpawn(request)
    this.#checkOpen()
    const { agentId } = await this.#host.session(checked.parent).inspect()
    const { value } = await new SettingsDocument(this.#host.store, this.#host.tenant, checked.parent).load()
    const parent = parseAgentId(agentId)
    const tools = [...(this.#host.agents.get(parent)?.tools.keys() ?? [])].filter((name) => isAllowed(name, value))
    return this.spawnFor(checked, { agentId: parent, tools })
  }

  /** As `spawn`, for a call of a tool, whose run is known. */
  async spawnFor(request: SpawnRequest, call: SpawningCall): Promise<SubAgent> {
    const checked = checkSpawn(request)
    const { parent, task, idempotencyKey = this.#host.services.ids.next('sub-agent') } = checked
    const id = await digestOf('sub-agent', parent, idempotencyKey)
    this.#checkOpen()
    const known = this.#entries.get(id)
    if (known !== undefined) {
      if (known.record.task !== task || (checked.agent ?? known.record.agentId) !== known.record.agentId) throw otherTask(id)
      return ((await this.#spawning.get(id)) ?? known).view
    }
    const { agents, services } = this.#host
    const now = services.clock.now()
    const record = planSubAgent({ id, request: checked, call, agents, settings: this.#settings, entries: [...this.#entries.values()], now })
    const spawning = this.#create(record)
    this.#spawning.set(id, spawning)
    try {
      return (await spawning).view
    } finally {
      this.#spawning.delete(id)
    }
  }

  list(filter: SubAgentFilter = {}): readonly SubAgent[] {
    checkFilter(filter)
    const { isRunning } = filter
    const parent = filter.parent === undefined ? undefined : parseSessionKey(filter.parent)
    const entries = [...this.#entries.values()].filter(
      ({ record, hasEnded }) =>
        (parent === undefined || record.parent.sessionKey === parent) && (isRunning === undefined || hasEnded !== isRunning),
    )
    return entries.map(({ view }) => view).reverse()
  }

  get(id: string): SubAgent {
    return this.#entry(id).view
  }

  async cancel(id: string, options: { readonly notify?: boolean } = {}): Promise<SubAgent> {
    checkCancel(options)
    const entry = this.#entry(id)
    if (!entry.hasEnded) {
      this.#stop(entry, 'cancel', options.notify ?? true)
      await entry.document.save()
    }
    return this.whenEnded(id)
  }

  async whenEnded(id: string): Promise<SubAgent> {
    const entry = this.#entry(id)
    await entry.ended.promise
    return entry.view
  }

  #entry(id: string): SubAgentEntry {
    if (this.#phase === 'released') throw ended()
    const entry = this.#entries.get(id)
    if (entry !== undefined) return entry
    const name = String(id).slice(0, 64)
    const hint = hintOf(name, [...this.#entries.keys()].slice(-20), 'sub-agents')
    throw new BeamClawError('unknown-sub-agent', `There is no sub-agent "${name}"; ${hint}`, { details: { id: name } })
  }

  #checkOpen(): void {
    if (this.#phase !== 'open') throw ended()
  }

  /** Resolves once the document is durable. Rejects as the store does. */
  async #create(record: SubAgentRecord): Promise<SubAgentEntry> {
    let entry = this.#add(record)
    try {
      if (!(await entry.document.create())) {
        // An earlier try has written it, and did not hear of that.
        const { store, tenant } = this.#host
        const found = fromDocument((await store.get(subAgentKey(tenant, record.id)))?.value ?? null, record.id)
        if (found === undefined) throw new BeamClawError('internal', `The document of sub-agent "${record.id}" cannot be read`)
        entry = this.#add(found)
      }
    } catch (error) {
      this.#entries.delete(record.id)
      throw error
    }
    if (this.#phase === 'open') this.#work(entry)
    return entry
  }

  #add(record: SubAgentRecord): SubAgentEntry {
    const { store, tenant } = this.#host
    const entry = new SubAgentEntry(record, store, subAgentKey(tenant, record.id))
    this.#entries.set(record.id, entry)
    return entry
  }

  /** Brings an entry to its end, beside the caller. */
  #work(entry: SubAgentEntry): void {
    const { record, id } = entry
    const children = (): readonly SubAgentEntry[] => this.#childrenOf(record.sessionKey)
    const run = new ChildRun({
      host: this.#host,
      settings: this.#settings,
      entry,
      children,
      isParentEnding: () => this.#isOrphan(entry),
      endChildren: () => this.#stopChildren(record.sessionKey),
      stop: (reason) => this.#stop(entry, reason, true),
    })
    this.#runs.set(id, run)
    if (!entry.hasEnded) {
      this.#setDeadline(entry)
      this.#watch(record.parent.sessionKey)
    }
    void entry.ended.promise.then(
      () => this.#letGoOf(entry),
      () => {},
    )
    void run.work().then(() => {
      entry.settle()
      this.#runs.delete(id)
      this.#forget()
    })
  }

  #setDeadline(entry: SubAgentEntry): void {
    const { clock } = this.#host.services
    const { id, record } = entry
    const leftMs = Math.max(0, record.deadlineAt - clock.now())
    const expire = (): void => (clock.now() < record.deadlineAt ? this.#setDeadline(entry) : this.#stop(entry, 'timeout', true))
    this.#deadlines.set(id, clock.setTimer(expire, Math.min(leftMs, maxTimerMs), true))
  }

  /** Asks for the end of a sub-agent and of all below it. */
  #stop(entry: SubAgentEntry, reason: StopReason, notify: boolean): void {
    if (this.#phase !== 'open' || (entry.hasEnded && entry.record.notice !== 'due')) return
    entry.change(entry.hasEnded ? { type: 'silenced' } : { type: 'stop', reason, notify })
    this.#save(entry)
    this.#stopChildren(entry.record.sessionKey)
  }

  #stopChildren(key: SessionKey): void {
    for (const child of this.#childrenOf(key)) this.#stop(child, 'parent', false)
  }

  /** A write that fails is repeated with the end. */
  #save(entry: SubAgentEntry): void {
    const saving = entry.document.save().catch((error: unknown) => {
      if (this.#phase !== 'open') return
      this.#host.services.logger.log('warn', 'sub-agent.not-saved', { subAgent: entry.id, error: describeError(error) })
    })
    this.#saving.add(saving)
    void saving.finally(() => this.#saving.delete(saving))
  }

  #childrenOf(key: SessionKey): readonly SubAgentEntry[] {
    return [...this.#entries.values()].filter(({ record }) => record.parent.sessionKey === key)
  }

  #bySession(key: SessionKey): SubAgentEntry | undefined {
    return [...this.#entries.values()].find(({ record }) => record.sessionKey === key)
  }

  /** The ordinary session at the top, and its agent. For whom a session has acted that was forgotten here is not known: no agent's grants are its own. */
  #originOf(key: SessionKey): ActedFor | undefined {
    const own = this.#bySession(key)?.record.parent
    if (own !== undefined) return this.#originOf(own.sessionKey) ?? own
    return sessionKeyParts(key).sessionId.startsWith('sub:') ? { sessionKey: key, agentId: undefined } : undefined
  }

  /** True for a sub-agent whose parent is one too, and is being ended or did not complete. */
  #isOrphan({ record }: SubAgentEntry): boolean {
    const above = this.#bySession(record.parent.sessionKey)?.record
    return above !== undefined && (above.endedAt === undefined ? above.stop !== undefined : above.status !== 'completed')
  }

  /** Watches an ordinary session; a sub-agent knows itself when it ends. */
  #watch(key: SessionKey): void {
    if (this.#watches.has(key) || this.#bySession(key) !== undefined) return
    const left = (): readonly SubAgentEntry[] => this.#childrenOf(key).filter(({ hasEnded }) => !hasEnded)
    const watch = new ParentWatch({
      host: this.#host,
      sessionKey: key,
      runs: () => [...new Set(left().flatMap(({ record }) => (record.parent.runId === undefined ? [] : [record.parent.runId])))],
      onDeleted: () => {
        for (const entry of left()) this.#stop(entry, 'parent', false)
      },
      onAborted: (runId) => {
        for (const entry of left()) if (entry.record.parent.runId === runId) this.#stop(entry, 'parent', false)
      },
    })
    this.#watches.set(key, watch)
  }

  #letGoOf({ id, record }: SubAgentEntry): void {
    this.#deadlines.get(id)?.cancel()
    this.#deadlines.delete(id)
    const key = record.parent.sessionKey
    if (this.#childrenOf(key).some(({ hasEnded }) => !hasEnded)) return
    this.#watches.get(key)?.close()
    this.#watches.delete(key)
  }

  /** Forgets the sub-agents that were settled long ago, and waits for the next one to be. */
  #forget(): void {
    if (this.#phase !== 'open') return
    const { clock, logger } = this.#host.services
    this.#forgetTimer?.cancel()
    let nextMs: number | undefined
    for (const entry of [...this.#entries.values()]) {
      const leftMs = (entry.record.endedAt ?? clock.now()) + keepEndedMs - clock.now()
      if (!entry.isSettled || this.#bySession(entry.record.parent.sessionKey)?.isSettled === false) continue
      if (leftMs > 0) {
        nextMs = Math.min(nextMs ?? leftMs, leftMs)
        continue
      }
      this.#entries.delete(entry.id)
      entry.document.delete().catch((error: unknown) => {
        if (this.#phase === 'open') logger.log('warn', 'sub-agent.not-forgotten', { subAgent: entry.id, error: describeError(error) })
      })
    }
    if (nextMs !== undefined) this.#forgetTimer = clock.setTimer(() => this.#forget(), Math.min(nextMs, maxTimerMs), true)
  }
}

function ended(): BeamClawError {
  return new BeamClawError('actor-not-running', 'The sub-agents of this tenant do not run now; try again in a moment')
}
