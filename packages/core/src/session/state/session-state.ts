/**
 * The state of a session, as its journal describes it.
 *
 * I1: The same records always give the same state. Only the families of `record-families.ts` change it.
 * I2: Records are applied in order, each once; `seq` is the number of the last one.
 * I3: `history`, `shown` and `origins` have one element per message.
 * I4: A run is in `runs` from its message on. Ended runs are kept in the order of their ends; the oldest are forgotten.
 */
import { deepFreeze } from '../../base/deep-freeze.ts'
import { BeamClawError } from '../../base/errors.ts'
import type { AgentId, RunId } from '../../base/ids.ts'
import type { JsonValue, Message } from '../../base/messages.ts'
import type { RecordExtension } from '../journal/record-extension.ts'
import type { MessageIn } from '../journal/records.ts'
import { checkedSnapshot, type SessionSnapshot } from '../journal/session-snapshot.ts'
import type { SessionSettings } from '../session-settings.ts'
import { type DeadLetter, type EndedRun, type KnownRun, type MessageOrigin, type RunMemory, runMemoryDefaults } from './known-run.ts'
import type { RunState } from './run-state.ts'
import { ShownHistory } from './shown-history.ts'

/** Extensions of the journal by their ids. */
export type RecordExtensions = ReadonlyMap<string, RecordExtension>

const noExtensions: RecordExtensions = new Map()

export class SessionState {
  history: Message[] = []
  /** The history as the model sees it. */
  shown = new ShownHistory()
  /** One element per message of the history. */
  origins: MessageOrigin[] = []
  waiting: MessageIn[] = []
  readonly runs = new Map<RunId, KnownRun>()
  /** The ended runs among `runs`, the oldest first. */
  readonly #ended = new Set<RunId>()
  /** Messages that were cancelled before their run started, and whose end is not recorded yet. */
  cancelled: RunId[] = []
  /** Messages of runs that were given up because each attempt crashed the session; the last hundred. */
  deadLetters: DeadLetter[] = []
  current: RunState | undefined
  /** Settings that came with an import. They are applied again if a crash prevented storing them. */
  importedSettings: SessionSettings | undefined
  /** The states that extensions folded from their records, by extension id. */
  readonly extensions = new Map<string, JsonValue>()
  /** Number of the last record. */
  seq = 0
  #answeredBy: AgentId | undefined
  #at = 0
  #createdAt: number | undefined
  readonly #memory: RunMemory
  readonly #known: RecordExtensions

  constructor(memory: RunMemory = runMemoryDefaults, known: RecordExtensions = noExtensions) {
    this.#memory = memory
    this.#known = known
  }

  /** The agent that answers, by the last hand-off in the history; undefined for the agent of the session's key. */
  get answeredBy(): AgentId | undefined {
    return this.#answeredBy
  }

  /** Time of the last record, in milliseconds since 1970. */
  get at(): number {
    return this.#at
  }

  /** Time of the first record, in milliseconds since 1970; the oldest known time if an earlier version took the snapshot. */
  get createdAt(): number {
    return this.#createdAt ?? this.origins[0]?.at ?? this.#at
  }

  /** Sets the number and time of the next record, which is applied after this call. */
  advance(seq: number, at: number): void {
    this.seq = seq
    this.#at = at
    if (seq === 1) this.#createdAt = at
  }

  /** Returns a snapshot of a state without an active run, for the start of a log. */
  toSnapshot(): SessionSnapshot {
    const { history, origins, waiting, runs, deadLetters, answeredBy, extensions } = this
    const handed = answeredBy === undefined ? {} : { answeredBy }
    const own = extensions.size === 0 ? {} : { extensions: Object.fromEntries(extensions) }
    const { createdAt, at: updatedAt } = this
    return { version: 1, history, origins, waiting, runs: [...runs], deadLetters, ...handed, ...own, createdAt, updatedAt }
  }

  /** Throws `log-corrupt` for a snapshot that cannot be read. */
  static fromSnapshot(value: unknown, seq: number, memory?: RunMemory, known?: RecordExtensions): SessionState {
    const snapshot = checkedSnapshot(value)
    const state = new SessionState(memory, known)
    state.history = [...deepFreeze(snapshot.history)]
    state.shown = new ShownHistory(state.history)
    state.origins = [...snapshot.origins]
    state.waiting = [...deepFreeze(snapshot.waiting)]
    for (const [runId, run] of snapshot.runs) {
      state.runs.set(runId, { ...run })
      deepFreeze(run.ended)
      if (run.ended !== undefined) state.#ended.add(runId)
    }
    state.deadLetters = deepFreeze(snapshot.deadLetters).map((letter) => (typeof letter === 'string' ? { runId: letter, at: 0 } : letter))
    for (const [id, own] of Object.entries(snapshot.extensions ?? {})) if (own !== undefined) state.extensions.set(id, deepFreeze(own))
    state.#followHandOffs(snapshot.answeredBy)
    state.seq = seq
    state.#createdAt = snapshot.createdAt
    state.#at = snapshot.updatedAt ?? state.origins.at(-1)?.at ?? 0
    return state
  }

  /** Returns the extension with this id, or undefined when none is registered. */
  extension(id: string): RecordExtension | undefined {
    return this.#known.get(id)
  }

  // ---- changes made by the families

  /** Returns the active run. Throws `log-corrupt` when another run or no run is active. */
  runUnderWay(runId: RunId, type: string): RunState {
    if (this.current?.runId === runId) return this.current
    throw new BeamClawError('log-corrupt', `Record ${this.seq} (${type}) belongs to run "${runId}", which is not under way`)
  }

  /** Adds a message to the history. With `handOff`, the conversation belongs to that agent from here on. */
  remember(
    message: Message,
    runId: RunId,
    { at = this.at, handOff }: { readonly at?: number | undefined; readonly handOff?: AgentId | undefined } = {},
  ): void {
    this.history.push(deepFreeze(message))
    this.shown.add(message)
    this.origins.push({ at, runId, ...(handOff === undefined ? {} : { handOff }) })
    this.#answeredBy = handOff ?? this.#answeredBy
  }

  /** Removes all but the oldest `kept` messages. */
  keepOldest(kept: number): void {
    this.history.length = Math.min(kept, this.history.length)
    this.origins.length = this.history.length
    this.shown = new ShownHistory(this.history)
    this.#followHandOffs()
  }

  /** Replaces the oldest `dropped` messages with one message. */
  replaceOldest(dropped: number, message: Message, runId: RunId): void {
    const handOff = lastHandOff(this.origins.slice(0, dropped))
    this.history.splice(0, dropped, message)
    this.origins.splice(0, dropped, { at: this.at, runId, ...(handOff === undefined ? {} : { handOff }) })
    this.shown = new ShownHistory(this.history)
  }

  /** Earlier versions kept one agent for the whole conversation; it counts from the first message on. */
  #followHandOffs(ofAll?: AgentId): void {
    const [first] = this.origins
    this.#answeredBy = lastHandOff(this.origins) ?? ofAll
    if (ofAll !== undefined && first !== undefined && lastHandOff(this.origins) === undefined)
      this.origins[0] = { ...first, handOff: ofAll }
  }

  /** Adds a new run. */
  addRun(runId: RunId, fingerprint: string | undefined): void {
    // The run was forgotten when its key was sent again, and a longer memory still knows it.
    this.#ended.delete(runId)
    this.runs.delete(runId)
    this.runs.set(runId, { status: 'waiting', seq: this.seq, at: this.at, ...(fingerprint === undefined ? {} : { fingerprint }) })
  }

  /** Records the progress of a run, as part of the run of `host`. */
  mark(runId: RunId, status: KnownRun['status'], host: RunId, ended?: EndedRun): void {
    const known = this.runs.get(runId)
    if (known === undefined) return
    known.status = status
    if (host !== runId) known.into = host
    if (ended === undefined) return
    if (known.ended === undefined) {
      this.#ended.add(runId)
      this.runs.delete(runId)
      this.runs.set(runId, known)
    }
    known.ended = ended
  }

  takeWaiting(runId: RunId): MessageIn | undefined {
    const index = this.waiting.findIndex((message) => message.runId === runId)
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0]
  }

  forgetOldRuns(): void {
    const { rememberedRuns, rememberRunsForMs } = this.#memory
    for (const runId of this.#ended) {
      const run = this.runs.get(runId)
      // Earlier versions did not record the end time of a run.
      const endedAt = run?.ended?.at ?? run?.at ?? 0
      if (this.#ended.size <= rememberedRuns && endedAt > this.at - rememberRunsForMs) {
        // Unless the clock was set back, no later entry has ended earlier.
        if (endedAt <= this.at) return
        continue
      }
      this.#ended.delete(runId)
      this.runs.delete(runId)
    }
  }
}

function lastHandOff(origins: readonly MessageOrigin[]): AgentId | undefined {
  return origins.findLast(({ handOff }) => handOff !== undefined)?.handOff
}
