/**
 * The state of a session, as its journal describes it.
 *
 * I1: The same records always give the same state. Only the families of `record-families.ts` change it.
 * I2: Records are applied in order, each once; `seq` is the number of the last one.
 * I3: The messages are in the log; the state has the context of the model, and where the transcript is. A partial state gives them to a sink instead.
 * I4: A run is in `runs` from its message on. Ended runs are kept in the order of their ends; the oldest are forgotten.
 */
import { deepFreeze } from '../../base/deep-freeze.ts'
import { BeamClawError } from '../../base/errors.ts'
import type { AgentId, RunId } from '../../base/ids.ts'
import type { JsonValue, Message } from '../../base/messages.ts'
import type { RecordExtension } from '../journal/record-extension.ts'
import type { SessionSize } from '../journal/record-size.ts'
import type { MessageIn } from '../journal/records.ts'
import { checkedSnapshot, type SessionSnapshot } from '../journal/session-snapshot.ts'
import type { SessionSettings } from '../session-settings.ts'
import { Context, type StoredContext } from './context.ts'
import { Conversation } from './conversation.ts'
import { type DeadLetter, type EndedRun, type KnownRun, type RunMemory, runMemoryDefaults } from './known-run.ts'
import type { MessageSink } from './message-sink.ts'
import { newRun, type RunState } from './run-state.ts'
import type { ShownHistory } from './shown-history.ts'
import { TranscriptIndex } from './transcript-index.ts'

/** Extensions of the journal by their ids. */
export type RecordExtensions = ReadonlyMap<string, RecordExtension>

const noExtensions: RecordExtensions = new Map()

export class SessionState {
  readonly conversation: Conversation
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
  #at = 0
  /** What the session takes in all its lives. */
  readonly size: SessionSize = { journal: 0, attachments: 0 }
  #createdAt: number | undefined
  readonly #memory: RunMemory
  readonly #known: RecordExtensions

  // Where the messages of a partial state go.
  readonly #sink: MessageSink | undefined

  /** With `sink`, the state is partial: it begins in the middle of a journal, and only its messages count. */
  constructor(
    memory: RunMemory = runMemoryDefaults,
    known: RecordExtensions = noExtensions,
    { conversation = new Conversation(), sink }: { readonly conversation?: Conversation; readonly sink?: MessageSink } = {},
  ) {
    this.#memory = memory
    this.#known = known
    this.conversation = conversation
    this.#sink = sink
  }

  /** The context, as the model sees it. */
  get shown(): ShownHistory {
    return this.conversation.context.shown
  }

  /** Number of messages of the transcript. */
  get total(): number {
    return this.conversation.transcript.total
  }

  /** The agent that answers, by the last hand-off in the transcript; undefined for the agent of the session's key. */
  get answeredBy(): AgentId | undefined {
    return this.conversation.transcript.handOffs.at(-1)?.agentId
  }

  /** Time of the last record, in milliseconds since 1970. */
  get at(): number {
    return this.#at
  }

  /** Time of the first record, in milliseconds since 1970. */
  get createdAt(): number {
    return this.#createdAt ?? this.#at
  }

  /** Sets the number and time of the next record, which is applied after this call. */
  advance(seq: number, at: number): void {
    this.seq = seq
    this.#at = at
    if (seq === 1) this.#createdAt = at
  }

  /** Returns a snapshot of a state without an active run. It grows with the context, and with one mark for each 64 messages of the transcript. */
  toSnapshot(): SessionSnapshot {
    const { conversation, waiting, runs, deadLetters, extensions, createdAt, at: updatedAt, size } = this
    const own = extensions.size === 0 ? {} : { extensions: Object.fromEntries(extensions) }
    const context = conversation.context.toStored()
    return {
      version: 2,
      context,
      ...conversation.transcript.toStored(),
      waiting,
      runs: [...runs],
      deadLetters,
      ...own,
      createdAt,
      updatedAt,
      size: { ...size },
    }
  }

  /** Throws `log-corrupt` for a snapshot that cannot be read. */
  static fromSnapshot(value: unknown, seq: number, memory?: RunMemory, known?: RecordExtensions): SessionState {
    const snapshot = checkedSnapshot(value)
    const conversation = new Conversation(new Context(deepFreeze(snapshot.context)), new TranscriptIndex(snapshot))
    const state = new SessionState(memory, known, { conversation })
    state.waiting = [...deepFreeze(snapshot.waiting)]
    for (const [runId, run] of snapshot.runs) {
      state.runs.set(runId, { ...run })
      deepFreeze(run.ended)
      if (run.ended !== undefined) state.#ended.add(runId)
    }
    state.deadLetters = [...deepFreeze(snapshot.deadLetters)]
    for (const [id, own] of Object.entries(snapshot.extensions ?? {})) if (own !== undefined) state.extensions.set(id, deepFreeze(own))
    state.seq = seq
    state.#createdAt = snapshot.createdAt
    state.#at = snapshot.updatedAt
    Object.assign(state.size, snapshot.size)
    return state
  }

  /** Returns the extension with this id, or undefined when none is registered. */
  extension(id: string): RecordExtension | undefined {
    return this.#known.get(id)
  }

  // ---- changes made by the families

  /** Returns the active run. Throws `log-corrupt` when another run or no run is active. */
  runUnderWay(runId: RunId, type: string): RunState {
    // The records of a partial state begin in the middle of a run.
    if (this.#sink !== undefined) this.current ??= newRun(runId, [runId], [])
    if (this.current?.runId === runId) return this.current
    throw new BeamClawError('log-corrupt', `Record ${this.seq} (${type}) belongs to run "${runId}", which is not under way`)
  }

  /**
   * Adds a message to the conversation. With `handOff`, the conversation belongs to that agent from here on. `source` is the number of the record in which
   * the message was accepted.
   */
  remember(
    message: Message,
    runId: RunId,
    {
      at = this.at,
      handOff,
      source,
    }: { readonly at?: number | undefined; readonly handOff?: AgentId | undefined; readonly source?: number | undefined } = {},
  ): void {
    const origin = { seq: this.seq, at, runId, ...(handOff === undefined ? {} : { handOff }) }
    this.#messages.add(deepFreeze(message), origin, source)
  }

  /** Adds the accepted message of a run that takes it. */
  rememberAccepted({ message, runId }: MessageIn): void {
    this.remember(message, runId, { source: this.runs.get(runId)?.seq })
  }

  /** Removes all but the oldest `kept` messages. */
  keepOldest(kept: number, context: StoredContext | undefined): void {
    this.#messages.rewind(kept, context)
  }

  /** Replaces the oldest `dropped` messages of the context with a summary. */
  summarise(dropped: number, summary: string): void {
    this.#messages.summarise(dropped, summary, this.seq)
  }

  get #messages(): MessageSink {
    return this.#sink ?? this.conversation
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
