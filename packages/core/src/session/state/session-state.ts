/**
 * Everything a session knows, as its journal tells it.
 *
 * I1: The same records give the same state, always; only the families of `record-families.ts` change it.
 * I2: Records are applied in order, each once; `seq` is the number of the last.
 * I3: `history`, `shown` and `origins` have one element for each message.
 * I4: A run is in `runs` from its message on; ended runs stand in the order of their ends, and the oldest are forgotten.
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
  /** As the model gets to see it. */
  shown = new ShownHistory()
  /** One for each message of the history. */
  origins: MessageOrigin[] = []
  waiting: MessageIn[] = []
  readonly runs = new Map<RunId, KnownRun>()
  /** Of the runs, those that have ended, the oldest first. */
  readonly #ended = new Set<RunId>()
  /** Messages that were cancelled before their run began, and whose end is not written down yet. */
  cancelled: RunId[] = []
  /** Messages of runs that were given up because they took the session down each time; the last hundred. */
  deadLetters: DeadLetter[] = []
  current: RunState | undefined
  /** Settings that came with an import, in case they were not stored before a crash. */
  importedSettings: SessionSettings | undefined
  /** What extensions have made of their records, by their ids. */
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

  /** The agent that the conversation was handed to, by the last hand-off in the history; undefined for the one of the session's key. */
  get answeredBy(): AgentId | undefined {
    return this.#answeredBy
  }

  /** Time of the last record, in milliseconds since 1970. */
  get at(): number {
    return this.#at
  }

  /** Time of the first record, in milliseconds since 1970; the oldest that is known where an earlier version took a snapshot. */
  get createdAt(): number {
    return this.#createdAt ?? this.origins[0]?.at ?? this.#at
  }

  /** The record that is taken in next has this number and time. */
  advance(seq: number, at: number): void {
    this.seq = seq
    this.#at = at
    if (seq === 1) this.#createdAt = at
  }

  /** Returns a state with nothing under way, for the start of a log. */
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
    state.waiting = [...snapshot.waiting]
    for (const [runId, run] of snapshot.runs) {
      state.runs.set(runId, { ...run })
      if (run.ended !== undefined) state.#ended.add(runId)
    }
    state.deadLetters = snapshot.deadLetters.map((letter) => (typeof letter === 'string' ? { runId: letter, at: 0 } : letter))
    for (const [id, own] of Object.entries(snapshot.extensions ?? {})) if (own !== undefined) state.extensions.set(id, deepFreeze(own))
    state.#followHandOffs(snapshot.answeredBy)
    state.seq = seq
    state.#createdAt = snapshot.createdAt
    state.#at = snapshot.updatedAt ?? state.origins.at(-1)?.at ?? 0
    return state
  }

  /** Returns the extension of this id, where one is registered. */
  extension(id: string): RecordExtension | undefined {
    return this.#known.get(id)
  }

  // ---- what the families change

  /** Returns the run under way. Throws `log-corrupt` when it is another one, or none. */
  runUnderWay(runId: RunId, type: string): RunState {
    if (this.current?.runId === runId) return this.current
    throw new BeamClawError('log-corrupt', `Record ${this.seq} (${type}) belongs to run "${runId}", which is not under way`)
  }

  /** Adds a message to the history; with `handOff`, the conversation is that agent's from here on. */
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

  /** Takes back all but the oldest `kept` messages. */
  keepOldest(kept: number): void {
    this.history.length = Math.min(kept, this.history.length)
    this.origins.length = this.history.length
    this.shown = new ShownHistory(this.history)
    this.#followHandOffs()
  }

  /** Puts one message in the place of the oldest `dropped`. */
  replaceOldest(dropped: number, message: Message, runId: RunId): void {
    const handOff = lastHandOff(this.origins.slice(0, dropped))
    this.history.splice(0, dropped, message)
    this.origins.splice(0, dropped, { at: this.at, runId, ...(handOff === undefined ? {} : { handOff }) })
    this.shown = new ShownHistory(this.history)
  }

  /** Earlier versions kept the agent of the whole conversation alone: it counts from the first message on. */
  #followHandOffs(ofAll?: AgentId): void {
    const [first] = this.origins
    this.#answeredBy = lastHandOff(this.origins) ?? ofAll
    if (ofAll !== undefined && first !== undefined && lastHandOff(this.origins) === undefined)
      this.origins[0] = { ...first, handOff: ofAll }
  }

  /** Adds a run that has not been heard of. */
  addRun(runId: RunId, fingerprint: string | undefined): void {
    // A run that was forgotten when its key came again, and that a longer memory still knows.
    this.#ended.delete(runId)
    this.runs.delete(runId)
    this.runs.set(runId, { status: 'waiting', seq: this.seq, at: this.at, ...(fingerprint === undefined ? {} : { fingerprint }) })
  }

  /** Writes down how far a run has come, as part of the run of `host`. */
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
      // Earlier versions did not write down when a run ended.
      const endedAt = run?.ended?.at ?? run?.at ?? 0
      if (this.#ended.size <= rememberedRuns && endedAt > this.at - rememberRunsForMs) {
        // Unless the clock was set back meanwhile, none of those behind has ended earlier.
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
