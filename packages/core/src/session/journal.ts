/** What a session writes down, and the state that follows from it. Pure: the same records give the same state, always. */
import type { RunId } from '../ids.ts'
import { type AssistantMessage, addUsage, type JsonObject, type Message, noUsage, type Usage, type UserMessage } from '../messages.ts'
import type { FinishReason } from '../ports/provider.ts'
import type { LogRecord } from '../ports/store.ts'

/** How a run ended. */
export type RunOutcome = 'completed' | 'failed' | 'aborted'

/** What is said of a run that failed. */
export interface RunFailure {
  readonly code: string
  readonly message: string
}

/** One fact about a session. The record types of its journal. */
export type JournalEntry =
  /** A message was accepted; `runId` is its idempotency key. */
  | { readonly type: 'message-in'; readonly runId: RunId; readonly message: UserMessage }
  | { readonly type: 'run-start'; readonly runId: RunId }
  /** A provider is about to be asked; `attempt` counts from 1 within the turn. */
  | { readonly type: 'model-request'; readonly runId: RunId; readonly turn: number; readonly attempt: number; readonly model: string }
  | {
      readonly type: 'model-response'
      readonly runId: RunId
      readonly turn: number
      readonly message: AssistantMessage
      readonly finish: FinishReason
      readonly usage: Usage
    }
  | { readonly type: 'run-end'; readonly runId: RunId; readonly outcome: RunOutcome; readonly failure?: RunFailure }

/** A message that waits for its run. */
export interface WaitingMessage {
  readonly runId: RunId
  readonly message: UserMessage
}

/** The run that is under way. */
export interface CurrentRun {
  readonly runId: RunId
  /** The turn that was asked for last; 0 before the first. */
  turn: number
  /** Attempts made in that turn. */
  attempt: number
  /** What the model answered in that turn; undefined while it was not, or not completely, heard. */
  response: { readonly message: AssistantMessage; readonly finish: FinishReason } | undefined
  usage: Usage
}

/** Everything a session knows, as its journal tells it. */
export class SessionState {
  readonly history: Message[] = []
  readonly waiting: WaitingMessage[] = []
  /** Each run that is known, with its outcome once it has one. */
  readonly runs = new Map<RunId, RunOutcome | 'waiting' | 'running'>()
  current: CurrentRun | undefined
  seq = 0

  /** Takes one record in. Records come in order, each once. */
  apply(record: LogRecord): void {
    this.seq = record.seq
    const entry = { type: record.type, ...record.data } as unknown as JournalEntry
    switch (entry.type) {
      case 'message-in':
        this.waiting.push({ runId: entry.runId, message: entry.message })
        this.runs.set(entry.runId, 'waiting')
        break
      case 'run-start':
        this.#startRun(entry.runId)
        break
      case 'model-request':
        if (this.current !== undefined) {
          this.current.turn = entry.turn
          this.current.attempt = entry.attempt
          this.current.response = undefined
        }
        break
      case 'model-response':
        this.history.push(entry.message)
        if (this.current !== undefined) {
          this.current.response = { message: entry.message, finish: entry.finish }
          this.current.usage = addUsage(this.current.usage, entry.usage)
        }
        break
      case 'run-end':
        this.runs.set(entry.runId, entry.outcome)
        this.current = undefined
        break
    }
  }

  #startRun(runId: RunId): void {
    const index = this.waiting.findIndex((waiting) => waiting.runId === runId)
    const [waiting] = index < 0 ? [] : this.waiting.splice(index, 1)
    if (waiting !== undefined) this.history.push(waiting.message)
    this.runs.set(runId, 'running')
    this.current = { runId, turn: 0, attempt: 0, response: undefined, usage: noUsage }
  }
}

/** The record's own part of an entry: all but its type. */
export function recordData(entry: JournalEntry): JsonObject {
  const { type: _, ...data } = entry
  return data as unknown as JsonObject
}
