/** Everything a session knows, as its journal tells it. The same records give the same state, always. */
import { BeamClawError } from '../errors.ts'
import type { RunId } from '../ids.ts'
import { type AssistantMessage, addUsage, type Message, noUsage, type ToolCall, type ToolResult, type Usage } from '../messages.ts'
import type { FinishReason } from '../ports/provider.ts'
import type { LogRecord } from '../ports/store.ts'
import { estimateTokens, ShownHistory, tokensOf } from './history.ts'
import {
  entryOf,
  type JournalEntry,
  type MessageIn,
  type ModelFailure,
  type ModelResponse,
  type ResponseFormat,
  type RunCancel,
  type RunEnd,
  type RunFailure,
  type RunOutcome,
  type RunStart,
  type ToolDone,
} from './journal.ts'

/** Ended runs that are remembered, so that a repeated message gets its run and not a second one. */
const rememberedRuns = 100

/** A run that is over. */
export interface EndedRun {
  readonly outcome: RunOutcome
  readonly usage: Usage
  /** The model's last message, where there was one. */
  readonly message?: AssistantMessage
  readonly finish?: FinishReason
  readonly failure?: RunFailure
}

/** What is known of a run. */
export interface KnownRun {
  status: 'waiting' | 'running' | RunOutcome
  /** The sequence number of its message, and when it came, in milliseconds. */
  readonly seq: number
  readonly at: number
  /** The run it became part of. */
  into?: RunId
  ended?: EndedRun
}

export interface AnsweredTurn {
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly calls: readonly ToolCall[]
}

/** The run under way. */
export interface CurrentRun {
  readonly runId: RunId
  /** Messages that share this run. */
  readonly members: RunId[]
  readonly responseFormat: ResponseFormat | undefined
  /** The turn that was asked for last; 0 before the first. */
  turn: number
  attempt: number
  response: AnsweredTurn | undefined
  /** The failure of the last attempt, when that is how it ended. */
  failure: ModelFailure | undefined
  /** Tool calls of this turn that have begun. */
  readonly begun: Set<string>
  readonly results: Map<string, ToolResult>
  usage: Usage
  cancelled: RunCancel['reason'] | undefined
  /** Incarnations that took the run over from one that crashed, since it last got anywhere. */
  resumes: number
  /** The last incarnation was stopped on purpose. */
  isPaused: boolean
  /** How often in a row a turn had the same calls with the same results. */
  sameTurns: number
  lastTurn: string
  /** The turn before which the history was last compacted. */
  compactedAt: number
}

/** Where a message of the history comes from. */
export interface MessageOrigin {
  /** When it was written down, in milliseconds. */
  readonly at: number
  readonly runId: RunId
}

/** A state as a snapshot keeps it. */
export interface SessionSnapshot {
  readonly version: 1
  readonly history: readonly Message[]
  readonly origins: readonly MessageOrigin[]
  readonly waiting: readonly MessageIn[]
  readonly runs: readonly (readonly [RunId, KnownRun])[]
  readonly deadLetters: readonly RunId[]
}

export class SessionState {
  history: Message[] = []
  /** As the model gets to see it. */
  shown = new ShownHistory()
  /** One for each message of the history. */
  origins: MessageOrigin[] = []
  /** Estimated tokens of the history. */
  historyTokens = 0
  waiting: MessageIn[] = []
  readonly runs = new Map<RunId, KnownRun>()
  /** Messages that were cancelled before their run began, and whose end is not written down yet. */
  cancelled: RunId[] = []
  /** Runs that were given up because they took the session down each time. */
  deadLetters: RunId[] = []
  current: CurrentRun | undefined
  /** Number of the last record. */
  seq = 0
  // Its time.
  #at = 0

  /** Takes one record in. Records come in order, each once. Throws `log-corrupt` for a record that cannot follow. */
  apply(record: LogRecord): void {
    this.applyEntry(entryOf(record), record.seq, record.ts)
  }

  /** The same, for what the record holds. */
  applyEntry(entry: JournalEntry, seq: number, at: number): void {
    this.seq = seq
    this.#at = at
    this.#fold(entry)
  }

  /** A state with nothing under way, for the start of a log. */
  toSnapshot(): SessionSnapshot {
    const { history, origins, waiting, runs, deadLetters } = this
    return { version: 1, history, origins, waiting, runs: [...runs], deadLetters }
  }

  static fromSnapshot(snapshot: SessionSnapshot, seq: number): SessionState {
    if (snapshot.version !== 1)
      throw new BeamClawError('log-corrupt', `A snapshot of version ${String(snapshot.version)} cannot be read by this version`)
    const state = new SessionState()
    state.history = [...snapshot.history]
    state.shown = new ShownHistory(state.history)
    state.origins = [...snapshot.origins]
    state.historyTokens = estimateTokens(state.history)
    state.waiting = [...snapshot.waiting]
    for (const [runId, run] of snapshot.runs) state.runs.set(runId, { ...run })
    state.deadLetters = [...snapshot.deadLetters]
    state.seq = seq
    return state
  }

  #fold(entry: JournalEntry): void {
    switch (entry.type) {
      case 'message-in':
        if (entry.whenBusy === 'interrupt') this.waiting.unshift(entry)
        else this.waiting.push(entry)
        this.runs.set(entry.runId, { status: 'waiting', seq: this.seq, at: this.#at })
        return
      case 'run-start':
        return this.#startRun(entry)
      case 'run-cancel':
        if (this.current?.runId === entry.runId) this.current.cancelled = entry.reason
        else if (this.#takeWaiting(entry.runId) !== undefined) this.cancelled.push(entry.runId)
        return
      case 'run-end':
        return this.#endRun(entry)
      case 'history-compact':
        this.history.splice(0, entry.dropped, summaryMessage(entry.summary))
        this.origins.splice(0, entry.dropped, { at: this.#at, runId: entry.runId })
        this.shown = new ShownHistory(this.history)
        this.historyTokens = estimateTokens(this.history)
        if (this.current !== undefined) {
          this.current.compactedAt = this.current.turn + 1
          this.current.failure = undefined
          this.current.usage = addUsage(this.current.usage, entry.usage)
        }
        return
    }
    const current = this.#currentOf(entry.runId, entry.type)
    switch (entry.type) {
      case 'run-resume':
        if (!current.isPaused) current.resumes++
        current.isPaused = false
        return
      case 'run-pause':
        current.isPaused = true
        return
      case 'run-steer':
        return this.#steer(current, entry.from)
      case 'model-request':
        current.turn = entry.turn
        current.attempt = entry.attempt
        current.response = undefined
        current.failure = undefined
        current.begun.clear()
        current.results.clear()
        return
      case 'model-response':
        return this.#answer(current, entry)
      case 'model-failure':
        current.failure = entry
        return
      case 'tool-intent':
        current.begun.add(entry.toolCallId)
        return
      case 'tool-outcome':
        return this.#toolDone(current, entry)
      default:
        throw new BeamClawError(
          'log-corrupt',
          `A record of type "${String((entry as { type: unknown }).type).slice(0, 64)}" is not known to this version`,
        )
    }
  }

  #startRun({ runId, merged = [] }: RunStart): void {
    const members = [runId, ...merged]
    // Cancelled in the moment it was to begin; those that were to share its run go on waiting.
    if (!this.waiting.some((message) => message.runId === runId)) return
    const messages = members.map((member) => this.#takeWaiting(member))
    for (const message of messages) if (message !== undefined) this.#remember(message.message, message.runId)
    for (const member of members) this.#mark(member, 'running', runId)
    this.current = {
      runId,
      members,
      responseFormat: messages.at(-1)?.responseFormat,
      turn: 0,
      attempt: 0,
      response: undefined,
      failure: undefined,
      begun: new Set(),
      results: new Map(),
      usage: noUsage,
      cancelled: undefined,
      resumes: 0,
      isPaused: false,
      sameTurns: 0,
      lastTurn: '',
      compactedAt: 0,
    }
  }

  #steer(current: CurrentRun, from: RunId): void {
    const message = this.#takeWaiting(from)
    if (message === undefined) return
    this.#remember(message.message, from)
    current.members.push(from)
    this.#mark(from, 'running', current.runId)
    // The turn is over, and the next one sees the message.
    current.response = undefined
    current.attempt = 0
    current.turn++
    current.sameTurns = 0
  }

  #answer(current: CurrentRun, { message, finish, usage }: ModelResponse): void {
    this.#remember(message, current.runId)
    current.response = { message, finish, calls: message.content.filter((part) => part.type === 'tool-call') }
    current.failure = undefined
    current.usage = addUsage(current.usage, usage)
    current.resumes = 0
  }

  #toolDone(current: CurrentRun, { result, outcome }: ToolDone): void {
    current.results.set(result.toolCallId, result)
    // Closing a call that took the session down gets nobody any further.
    if (outcome === 'ok' || outcome === 'error') current.resumes = 0
    const calls = current.response?.calls ?? []
    const results = calls.map((call) => current.results.get(call.id)).filter((one) => one !== undefined)
    if (calls.length === 0 || results.length < calls.length) return
    // In the order of the calls, whatever order they finished in.
    this.#remember({ role: 'tool', content: results }, current.runId)
    const turn = JSON.stringify([calls.map(({ name, input }) => [name, input]), results.map(({ content, isError }) => [content, isError])])
    current.sameTurns = turn === current.lastTurn ? current.sameTurns + 1 : 1
    current.lastTurn = turn
  }

  #endRun({ runId, outcome, failure }: RunEnd): void {
    const { current } = this
    const isCurrent = current?.runId === runId
    const members = isCurrent ? current.members : [runId]
    const ended: EndedRun = {
      outcome,
      usage: isCurrent ? current.usage : noUsage,
      ...(isCurrent && current.response !== undefined ? { message: current.response.message, finish: current.response.finish } : {}),
      ...(failure === undefined ? {} : { failure }),
    }
    this.cancelled = this.cancelled.filter((cancelled) => cancelled !== runId)
    for (const member of members) {
      this.#takeWaiting(member)
      this.#mark(member, outcome, runId, ended)
    }
    if (failure?.code === 'poison-message') this.deadLetters.push(runId)
    if (isCurrent) this.current = undefined
    this.#forgetOldRuns()
  }

  #remember(message: Message, runId: RunId): void {
    this.history.push(message)
    this.shown.add(message)
    this.origins.push({ at: this.#at, runId })
    this.historyTokens += tokensOf(message)
  }

  #mark(runId: RunId, status: KnownRun['status'], host: RunId, ended?: EndedRun): void {
    const known = this.runs.get(runId)
    if (known === undefined) return
    known.status = status
    if (host !== runId) known.into = host
    if (ended !== undefined) known.ended = ended
  }

  #forgetOldRuns(): void {
    let surplus = this.runs.size - rememberedRuns
    for (const [runId, run] of this.runs) {
      if (surplus <= 0) return
      if (run.ended === undefined) continue
      this.runs.delete(runId)
      surplus--
    }
  }

  #takeWaiting(runId: RunId): MessageIn | undefined {
    const index = this.waiting.findIndex((message) => message.runId === runId)
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0]
  }

  #currentOf(runId: RunId, type: string): CurrentRun {
    if (this.current?.runId === runId) return this.current
    throw new BeamClawError('log-corrupt', `Record ${this.seq} (${type}) belongs to run "${runId}", which is not under way`)
  }
}

function summaryMessage(summary: string): Message {
  return { role: 'user', content: `Summary of the conversation so far:\n\n${summary}` }
}
