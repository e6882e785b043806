/** A journal of whatever may happen to a conversation, from a seed, beside a plain list of what was said. */
import type { AgentId, RunId } from '../base/ids.ts'
import { type Message, type ToolCall, zeroUsage } from '../base/messages.ts'
import type { LogEntry } from '../ports/store.ts'
import { type JournalEntry, recordData } from '../session/journal/records.ts'
import { unknownOutcome } from '../session/state/run-state.ts'

/** One message as the plain list has it. */
export interface Said {
  readonly message: Message
  readonly runId: string
  readonly handOff?: string
}

export class RandomJournal {
  readonly records: LogEntry[] = []
  said: Said[] = []
  /** The summaries of the conversation: the text, and the number of messages that each stands for. */
  summaries: { readonly from: number; readonly text: string }[] = []
  readonly #waiting: { readonly runId: RunId; readonly message: Message }[] = []
  #random: number
  #names = 0

  constructor(seed: number) {
    this.#random = seed
  }

  /** Returns a number from 0 to `below - 1`. */
  dice(below: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#random / 2 ** 32) * below)
  }

  add(entry: JournalEntry): void {
    const seq = this.records.length + 1
    this.records.push({ seq, type: entry.type, id: `r${seq}`, ts: seq, data: JSON.parse(JSON.stringify(recordData(entry))) })
  }

  import(messages: number): void {
    const imported = Array.from({ length: messages }, (_, index) => ({ role: 'user', content: `imported ${index}` }) as const)
    const runId = 'import' as RunId
    const from = this.dice(messages) + 1
    const context = this.dice(2) === 0 ? {} : { context: { summary: `summary of the first ${from}`, from } }
    this.add({ type: 'history-import', runId, messages: imported.map((message) => ({ message })), ...context })
    for (const message of imported) this.#say(message, runId)
    if (context.context !== undefined) this.summaries.push({ from, text: context.context.summary })
  }

  /** Messages arrive; some are cancelled before they run. */
  arrive(count: number): void {
    for (let index = 0; index < count; index++) {
      const runId = this.#name('run') as RunId
      const message = { role: 'user', content: `${runId} asks` } as const
      this.add({ type: 'message-in', runId, message, queueMode: 'queue' })
      this.#waiting.push({ runId, message })
      if (this.dice(8) === 0) this.#cancel()
    }
  }

  /** Runs one waiting message, or several in one run. `atTurn` is called between its turns. */
  run(atTurn: () => void): void {
    const host = this.#waiting.shift()
    if (host === undefined) return
    const merged = this.#waiting.splice(0, this.dice(4) === 0 ? this.dice(4) : 0)
    const { runId } = host
    this.add({ type: 'run-start', runId, ...(merged.length === 0 ? {} : { merged: merged.map((one) => one.runId) }) })
    for (const one of [host, ...merged]) this.#say(one.message, one.runId)
    const turns = this.dice(4) + 1
    for (let turn = 1; turn <= turns; turn++) {
      const ends = turn === turns
      if (this.dice(6) === 0) this.#fail(runId, turn)
      if (this.#turn(runId, turn, ends)) break
      if (this.dice(5) === 0) this.#steer(runId)
      if (!ends) atTurn()
    }
    this.add({ type: 'run-end', runId, outcome: 'completed' })
  }

  /** Runs until nothing waits. */
  rest(atTurn: () => void): void {
    while (this.#waiting.length > 0) this.run(atTurn)
  }

  #cancel(): void {
    const [one] = this.#waiting.splice(this.dice(this.#waiting.length), 1)
    if (one === undefined) return
    this.add({ type: 'run-cancel', runId: one.runId, reason: 'abort' })
    this.add({ type: 'run-end', runId: one.runId, outcome: 'aborted' })
  }

  #fail(runId: RunId, turn: number): void {
    this.add({ type: 'model-request', runId, turn, attempt: 1, model: 'm' })
    this.add({ type: 'model-failure', runId, turn, attempt: 1, failure: { code: 'provider-server', message: 'down' }, isRetryable: true })
  }

  /** Returns true when the run ends with a call that has no outcome. */
  #turn(runId: RunId, turn: number, ends: boolean): boolean {
    this.add({ type: 'model-request', runId, turn, attempt: 1, model: 'm' })
    const count = ends && this.dice(10) > 0 ? 0 : 1 + this.dice(3)
    const calls = Array.from({ length: count }, (): ToolCall => ({ type: 'tool-call', id: this.#name('call'), name: 'look', input: {} }))
    const message = { role: 'assistant', content: [{ type: 'text', text: this.#name('answer') }, ...calls] } as const
    this.add({ type: 'model-response', runId, turn, message, finish: count === 0 ? 'stop' : 'tool-calls', usage: zeroUsage })
    this.#say(message, runId)
    if (count === 0) return false
    const results = calls.map(({ id, name }, index) => {
      const content = `${id} ${this.dice(3) === 0 ? 'long '.repeat(1_500) : 'short'} ${index}`
      return { type: 'tool-result', toolCallId: id, name, content, isError: false } as const
    })
    const handOff = this.dice(6) === 0 ? { handOff: `agent-${this.dice(3)}` as AgentId } : {}
    const told = ends ? results.slice(0, -1) : results
    for (const [index, result] of told.entries()) {
      const last = index === results.length - 1 ? handOff : {}
      this.add({ type: 'tool-intent', runId, turn, toolCallId: result.toolCallId, name: 'look', input: {} })
      this.add({ type: 'tool-outcome', runId, turn, outcome: 'ok', result, ...last })
    }
    const content = calls.map((call, index) => told[index] ?? unknownOutcome(call))
    this.#say({ role: 'tool', content }, runId, ends ? {} : handOff)
    return ends
  }

  #steer(runId: RunId): void {
    const one = this.#waiting.shift()
    if (one === undefined) return
    this.add({ type: 'run-steer', runId, from: one.runId })
    this.#say(one.message, one.runId)
  }

  #say(message: Message, runId: string, rest: { readonly handOff?: string } = {}): void {
    this.said.push({ message, runId, ...rest })
  }

  #name(kind: string): string {
    return `${kind}-${++this.#names}`
  }
}
