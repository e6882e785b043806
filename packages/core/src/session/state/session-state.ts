/** Everything a session knows, as its journal tells it. The same records give the same state, always. */
import { BeamClawError } from '../../base/errors.ts'
import type { RunId } from '../../base/ids.ts'
import {
  type AssistantMessage,
  addUsage,
  type FinishReason,
  type Message,
  type ToolCall,
  type ToolResult,
  type Usage,
  zeroUsage,
} from '../../base/messages.ts'
import type { LogEntry } from '../../ports/store.ts'
import { checkedEntry } from '../journal/record-check.ts'
import type {
  JournalEntry,
  MessageIn,
  ModelFailure,
  ModelResponse,
  ResponseFormat,
  RunCancel,
  RunEnd,
  RunResume,
  RunStart,
  ToolDone,
} from '../journal/records.ts'
import { checkedSnapshot, type SessionSnapshot } from '../journal/session-snapshot.ts'
import { type DeadLetter, type EndedRun, type KnownRun, type MessageOrigin, type RunMemory, runMemoryDefaults } from './known-run.ts'
import { ShownHistory } from './shown-history.ts'

/** Runs that were given up and can be redriven; the oldest gives way. */
const keptDeadLetters = 100

export interface AnsweredTurn {
  readonly message: AssistantMessage
  readonly finish: FinishReason
  readonly calls: readonly ToolCall[]
}

/** The run under way. */
export interface RunState {
  readonly runId: RunId
  /** Messages that share this run. */
  readonly members: RunId[]
  /** Their messages. */
  readonly messages: MessageIn[]
  /** How the answer must be shaped: as the last message says that says anything. */
  responseFormat: ResponseFormat | undefined
  /** The turn that was asked for last; 0 before the first. */
  turn: number
  attempt: number
  response: AnsweredTurn | undefined
  /** The failure of the last attempt, when that is how it ended. */
  failure: ModelFailure | undefined
  /** Tool calls of this turn that have begun. */
  readonly begun: Set<string>
  /** Of those, the ones that this incarnation has begun, and that have no outcome yet: its own steps under way. */
  readonly underWay: Set<string>
  readonly results: Map<string, ToolResult>
  usage: Usage
  cancelled: RunCancel['reason'] | undefined
  /** Incarnations in a row that ended while a step of this run was under way in them. */
  crashes: number
  /** The last incarnation was stopped on purpose. */
  isPaused: boolean
  /** How often in a row a turn had the same calls with the same results. */
  sameTurns: number
  lastTurn: string
  /** The turn before which the history was last compacted. */
  compactedAt: number
}

export class SessionState {
  history: Message[] = []
  /** As the model gets to see it. */
  shown = new ShownHistory()
  /** One for each message of the history. */
  origins: MessageOrigin[] = []
  waiting: MessageIn[] = []
  /** Those that have ended in the order of their ends. */
  readonly runs = new Map<RunId, KnownRun>()
  /** Of the runs, those that have ended, the oldest first. */
  readonly #ended = new Set<RunId>()
  /** Messages that were cancelled before their run began, and whose end is not written down yet. */
  cancelled: RunId[] = []
  /** Messages of runs that were given up because they took the session down each time; the last hundred. */
  deadLetters: DeadLetter[] = []
  current: RunState | undefined
  /** Number of the last record. */
  seq = 0
  // Its time.
  #at = 0
  readonly #memory: RunMemory

  constructor(memory: RunMemory = runMemoryDefaults) {
    this.#memory = memory
  }

  /** Takes one record in. Records come in order, each once. Throws `log-corrupt` for a record that cannot follow. */
  apply(record: LogEntry): void {
    this.applyEntry(checkedEntry(record), record.seq, record.ts)
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

  /** Throws `log-corrupt` for a snapshot that cannot be read. */
  static fromSnapshot(value: unknown, seq: number, memory?: RunMemory): SessionState {
    const snapshot = checkedSnapshot(value)
    const state = new SessionState(memory)
    state.history = [...snapshot.history]
    state.shown = new ShownHistory(state.history)
    state.origins = [...snapshot.origins]
    state.waiting = [...snapshot.waiting]
    for (const [runId, run] of snapshot.runs) {
      state.runs.set(runId, { ...run })
      if (run.ended !== undefined) state.#ended.add(runId)
    }
    state.deadLetters = snapshot.deadLetters.map((letter) => (typeof letter === 'string' ? { runId: letter, at: 0 } : letter))
    state.seq = seq
    return state
  }

  #fold(entry: JournalEntry): void {
    switch (entry.type) {
      case 'message-in':
        return this.#accept(entry)
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
        if (this.current !== undefined) {
          this.current.compactedAt = compactedBefore(this.current)
          this.current.failure = undefined
          this.current.usage = addUsage(this.current.usage, entry.usage)
        }
        return
    }
    const current = this.#currentOf(entry.runId, entry.type)
    switch (entry.type) {
      case 'run-resume':
        return this.#resume(current, entry)
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
        current.underWay.clear()
        current.results.clear()
        return
      case 'model-response':
        return this.#answer(current, entry)
      case 'model-failure':
        current.failure = entry
        return
      case 'tool-intent':
        current.begun.add(entry.toolCallId)
        current.underWay.add(entry.toolCallId)
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

  #accept(message: MessageIn): void {
    if (message.queueMode === 'interrupt') this.waiting.unshift(message)
    else this.waiting.push(message)
    const { fingerprint, redrives } = message
    // A run that was forgotten when its key came again, and that a longer memory still knows.
    this.#ended.delete(message.runId)
    this.runs.delete(message.runId)
    this.runs.set(message.runId, { status: 'waiting', seq: this.seq, at: this.#at, ...(fingerprint === undefined ? {} : { fingerprint }) })
    if (redrives !== undefined) this.deadLetters = this.deadLetters.filter(({ runId }) => runId !== redrives)
  }

  #resume(current: RunState, { isSuspect, isCleared }: RunResume): void {
    if (isSuspect === true) current.crashes++
    if (isCleared === true) current.crashes = 0
    current.isPaused = false
    current.underWay.clear()
  }

  #startRun({ runId, merged = [] }: RunStart): void {
    const members = [runId, ...merged]
    // Cancelled in the moment it was to begin; those that were to share its run go on waiting.
    if (!this.waiting.some((message) => message.runId === runId)) return
    const messages = members.map((member) => this.#takeWaiting(member)).filter((message) => message !== undefined)
    for (const message of messages) this.#remember(message.message, message.runId)
    for (const member of members) this.#mark(member, 'running', runId)
    this.current = {
      runId,
      members,
      messages,
      responseFormat: messages.findLast(({ responseFormat }) => responseFormat !== undefined)?.responseFormat,
      turn: 0,
      attempt: 0,
      response: undefined,
      failure: undefined,
      begun: new Set(),
      underWay: new Set(),
      results: new Map(),
      usage: zeroUsage,
      cancelled: undefined,
      crashes: 0,
      isPaused: false,
      sameTurns: 0,
      lastTurn: '',
      compactedAt: 0,
    }
  }

  #steer(current: RunState, from: RunId): void {
    const message = this.#takeWaiting(from)
    if (message === undefined) return
    this.#remember(message.message, from)
    current.members.push(from)
    current.messages.push(message)
    current.responseFormat = message.responseFormat ?? current.responseFormat
    this.#mark(from, 'running', current.runId)
    current.sameTurns = 0
    // Another one that joins before the next turn is asked for.
    if (current.response === undefined) return
    // The turn is over, and the next one sees the message.
    current.response = undefined
    current.attempt = 0
    current.turn++
  }

  #answer(current: RunState, { message, finish, usage }: ModelResponse): void {
    this.#remember(message, current.runId)
    const calls = message.content.filter((part) => part.type === 'tool-call')
    // Earlier versions wrote down answers in which two calls have the same id: they have one result.
    const distinct = calls.filter(({ id }, index) => calls.findIndex((call) => call.id === id) === index)
    current.response = { message, finish, calls: distinct }
    current.failure = undefined
    current.usage = addUsage(current.usage, usage)
  }

  #toolDone(current: RunState, { result, outcome }: ToolDone): void {
    current.results.set(result.toolCallId, result)
    current.underWay.delete(result.toolCallId)
    // Closing a call that took the session down gets nobody any further.
    if (outcome === 'ok' || outcome === 'error') current.crashes = 0
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
      at: this.#at,
      usage: isCurrent ? current.usage : zeroUsage,
      ...(isCurrent && current.response !== undefined ? { message: current.response.message, finish: current.response.finish } : {}),
      ...(failure === undefined ? {} : { failure }),
    }
    this.cancelled = this.cancelled.filter((cancelled) => cancelled !== runId)
    for (const member of members) {
      this.#takeWaiting(member)
      this.#mark(member, outcome, runId, ended)
    }
    if (failure?.code === 'poison-message') this.#keepDeadLetters(runId, isCurrent ? current.messages : [])
    if (isCurrent) this.current = undefined
    this.#forgetOldRuns()
  }

  #remember(message: Message, runId: RunId): void {
    this.history.push(message)
    this.shown.add(message)
    this.origins.push({ at: this.#at, runId })
  }

  #mark(runId: RunId, status: KnownRun['status'], host: RunId, ended?: EndedRun): void {
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

  #keepDeadLetters(runId: RunId, messages: readonly MessageIn[]): void {
    const letters = messages.map(({ type: _, queueMode: __, redrives: ___, ...message }) => ({ ...message, at: this.#at }))
    this.deadLetters = [...this.deadLetters, ...(letters.length > 0 ? letters : [{ runId, at: this.#at }])].slice(-keptDeadLetters)
  }

  #forgetOldRuns(): void {
    const { rememberedRuns, rememberRunsForMs } = this.#memory
    for (const runId of this.#ended) {
      const run = this.runs.get(runId)
      // Earlier versions did not write down when a run ended.
      const endedAt = run?.ended?.at ?? run?.at ?? 0
      if (this.#ended.size <= rememberedRuns && endedAt > this.#at - rememberRunsForMs) {
        // Unless the clock was set back meanwhile, none of those behind has ended earlier.
        if (endedAt <= this.#at) return
        continue
      }
      this.#ended.delete(runId)
      this.runs.delete(runId)
    }
  }

  #takeWaiting(runId: RunId): MessageIn | undefined {
    const index = this.waiting.findIndex((message) => message.runId === runId)
    return index < 0 ? undefined : this.waiting.splice(index, 1)[0]
  }

  #currentOf(runId: RunId, type: string): RunState {
    if (this.current?.runId === runId) return this.current
    throw new BeamClawError('log-corrupt', `Record ${this.seq} (${type}) belongs to run "${runId}", which is not under way`)
  }
}

/** The turn that is asked for after a summary. One that did not fit counts as over: it is summed up once. */
function compactedBefore({ turn, response, failure }: RunState): number {
  return response === undefined && failure === undefined ? Math.max(1, turn) : turn + 1
}

function summaryMessage(summary: string): Message {
  return { role: 'user', content: `Summary of the conversation so far:\n\n${summary}` }
}
