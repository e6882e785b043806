/** Translates one run's session events into the `agent` and `chat` events of the protocol, in the order that clients expect. Pure. */
import { type AssistantMessage, type RunEvent, textOf } from '@beamclaw/core'
import type { AgentPayload, ChatPayload } from '@beamclaw/protocol'
import { publicText } from '../../public-text.ts'
import { textMessage, toChatMessage } from '../chat-messages.ts'
import type { SaidSoFar } from './run-listener.ts'

/** One event for clients. */
export type Told =
  | { readonly name: 'chat'; readonly payload: ChatPayload }
  | { readonly name: 'agent'; readonly payload: AgentPayload; readonly cap?: 'tool-events' }

export interface RunTellerOptions {
  readonly runId: string
  readonly sessionKey: string
  readonly agentId: string
}

/** Text between the answers of two turns. */
const turnGap = '\n\n'

/** The `agent` stream repeats the whole text, so it is sent only after growing by this fraction: the total stays linear in the answer. */
const growth = 1 / 16

export class RunTeller {
  readonly #of: RunTellerOptions
  /** Other messages that share this run. */
  readonly #members = new Set<string>()
  #seq = 0
  #isStarted = false
  /** The text of earlier turns. */
  #settled = ''
  /** The text of this turn so far. */
  #turnText = ''
  #turn = 0
  /** Length of all text so far; counted, because joining the text for every piece would be quadratic. */
  #length = 0
  #wasTold = false
  /** Length of the text at the last event of the `agent` stream. */
  #streamed = 0
  #message: AssistantMessage | undefined

  constructor(options: RunTellerOptions) {
    this.#of = options
  }

  get members(): ReadonlySet<string> {
    return this.#members
  }

  /** Returns the client events for an event of this run. `now` is wall time in milliseconds. */
  tell(event: RunEvent, now: number): readonly Told[] {
    switch (event.type) {
      case 'run-start':
        for (const member of event.merged) this.#members.add(member)
        return [this.#status('preparing_workspace'), this.#status('preparing_context')]
      case 'run-steer':
        this.#members.add(event.from)
        return []
      case 'model-request':
        return this.#asked(event.turn, now)
      case 'text-delta':
        return this.#said(event.turn, event.text, now)
      case 'message':
        return this.#answered(event.turn, event.message, now)
      case 'tool-call':
        return [this.#tool({ phase: 'start', name: event.name, toolCallId: event.toolCallId, args: event.input }, now)]
      case 'tool-result': {
        const { toolCallId, name, content, isError } = event.result
        return [this.#tool({ phase: 'result', name, toolCallId, isError, outcome: event.outcome, result: content }, now)]
      }
      case 'run-end':
        return this.#ended(event, now)
      default:
        return []
    }
  }

  /** The text so far, for a reader that joins late. */
  get said(): SaidSoFar {
    return { whole: this.#text, turn: this.#turn, text: this.#turnText }
  }

  /** Returns the text so far as an event; undefined when there is none. */
  snapshot(now: number): Told | undefined {
    const text = this.#text
    return text === '' ? undefined : { name: 'chat', payload: this.#replacement(text, now, this.#seq) }
  }

  get #text(): string {
    if (this.#settled === '' || this.#turnText === '') return this.#settled + this.#turnText
    return this.#settled + turnGap + this.#turnText
  }

  #asked(turn: number, now: number): Told[] {
    const told: Told[] = []
    if (!this.#isStarted) {
      this.#isStarted = true
      told.push(this.#status('starting_model'), this.#agent('lifecycle', { phase: 'start', startedAt: now }, now))
    }
    const isVoid = turn === this.#turn && this.#turnText !== ''
    if (turn !== this.#turn) this.#settle()
    this.#turn = turn
    if (isVoid) {
      this.#replaceTurn('')
      told.push(this.#chat(this.#replacement(this.#text, now)))
    }
    return told
  }

  #said(turn: number, text: string, now: number): Told[] {
    if (turn !== this.#turn) this.#settle()
    this.#turn = turn
    const deltaText = this.#turnText === '' && this.#settled !== '' ? turnGap + text : text
    this.#turnText += text
    this.#length += deltaText.length
    const told: Told[] = []
    if (this.#length - this.#streamed > this.#length * growth) told.push(this.#stream(now))
    const { runId, sessionKey, agentId } = this.#of
    const delta = { runId, sessionKey, agentId, seq: ++this.#seq, state: 'delta', deltaText } as const
    told.push(this.#chat(this.#wasTold ? delta : { ...delta, message: textMessage(this.#text, now, runId) }))
    this.#wasTold = true
    return told
  }

  /** The answer is durable: returns the events for the text that was not streamed. */
  #answered(turn: number, message: AssistantMessage, now: number): Told[] {
    if (turn !== this.#turn) this.#settle()
    this.#turn = turn
    this.#message = message
    const text = textOf(message)
    const heard = this.#turnText
    const told: Told[] = []
    if (text !== heard && text.startsWith(heard)) told.push(...this.#said(turn, text.slice(heard.length), now))
    else if (text !== heard) {
      this.#replaceTurn(text)
      told.push(this.#chat(this.#replacement(this.#text, now)))
    }
    if (this.#streamed < this.#length) told.push(this.#stream(now))
    return told
  }

  #ended({ outcome, failure }: Extract<RunEvent, { type: 'run-end' }>, now: number): Told[] {
    const { runId } = this.#of
    const lifecycle =
      outcome === 'failed'
        ? [this.#agent('lifecycle', { phase: 'error', error: failureText(failure), code: failure?.code, endedAt: now }, now)]
        : [
            this.#agent('lifecycle', { phase: 'finishing' }, now),
            this.#agent('lifecycle', { phase: 'end', endedAt: now, ...(outcome === 'aborted' ? { aborted: true } : {}) }, now),
          ]
    // The sender of a message that joined this run waits for the end under its own run id.
    const ends = [runId, ...[...this.#members].filter((member) => member !== runId)].map((member) =>
      this.#chat(this.#end(member, outcome, failure, now)),
    )
    return [...lifecycle, ...ends]
  }

  #end(
    runId: string,
    outcome: 'completed' | 'failed' | 'aborted',
    failure: { readonly code: string; readonly message: string } | undefined,
    now: number,
  ): ChatPayload {
    const head = { ...this.#head(), runId }
    const message = this.#message === undefined ? {} : { message: toChatMessage(this.#message, now, runId) }
    switch (outcome) {
      case 'completed':
        return { ...head, state: 'final', stopReason: 'stop', ...message }
      case 'aborted': {
        const text = this.#text
        return { ...head, state: 'aborted', stopReason: 'aborted', ...(text === '' ? {} : { message: textMessage(text, now, runId) }) }
      }
      case 'failed':
        return {
          ...head,
          state: 'error',
          errorKind: errorKinds[failure?.code ?? ''] ?? 'unknown',
          errorMessage: failureText(failure),
        }
    }
  }

  #settle(): void {
    this.#settled = this.#text
    this.#turnText = ''
  }

  #replaceTurn(text: string): void {
    this.#turnText = text
    this.#length = this.#text.length
    this.#streamed = 0
  }

  #replacement(text: string, now: number, seq?: number): ChatPayload {
    this.#wasTold = true
    const message = textMessage(text, now, this.#of.runId)
    return { ...this.#head(seq), state: 'delta', deltaText: text, replace: true, message }
  }

  #status(phase: 'preparing_workspace' | 'preparing_context' | 'starting_model'): Told {
    return this.#chat({ ...this.#head(), state: 'status', phase })
  }

  #stream(now: number): Told {
    const text = this.#text
    const delta = text.slice(this.#streamed)
    this.#streamed = text.length
    return this.#agent('assistant', { text, delta }, now)
  }

  #tool(data: Readonly<Record<string, unknown>>, now: number): Told {
    return { ...this.#agent('tool', data, now), cap: 'tool-events' }
  }

  #agent(stream: string, data: Readonly<Record<string, unknown>>, ts: number): Told & { readonly name: 'agent' } {
    const { runId, sessionKey } = this.#of
    return { name: 'agent', payload: { runId, seq: ++this.#seq, stream, ts, data: { ...data, sessionKey } } }
  }

  #chat(payload: ChatPayload): Told {
    return { name: 'chat', payload }
  }

  #head(seq = ++this.#seq) {
    return { ...this.#of, seq }
  }
}

function failureText(failure: { readonly code: string; readonly message: string } | undefined): string {
  return failure === undefined ? 'The run failed' : publicText(failure.code, failure.message)
}

const errorKinds: Readonly<Record<string, 'refusal' | 'timeout' | 'rate_limit' | 'context_length'>> = {
  'provider-content-filter': 'refusal',
  'provider-timeout': 'timeout',
  'provider-rate-limit': 'rate_limit',
  'provider-context-overflow': 'context_length',
}
