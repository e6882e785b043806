/** Has a model sum up the oldest messages of a history. What it answers is checked: the history gives way to nothing less than a whole summary. */
import type { AgentDefinition } from '../../agent/agent.ts'
import { BeamClawError } from '../../base/errors.ts'
import type { RunId, SessionKey } from '../../base/ids.ts'
import { addUsage, type Message, textOf, type Usage, zeroUsage } from '../../base/messages.ts'
import type { Clock, Logger } from '../../ports/services.ts'
import type { ProviderTable } from '../../provider/provider-table.ts'
import type { JournalWriter } from '../journal/journal-writer.ts'
import type { SessionState } from '../state/session-state.ts'
import { compactableMessages, estimateTokens, keptTokens, transcriptOf } from '../state/shown-history.ts'
import { type AttemptPause, describeFailure } from './attempts.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import { type ModelAnswer, readAnswer } from './model-answer.ts'
import { runLimitDefaults } from './next-step.ts'

export interface HistorySummaryOptions {
  readonly sessionKey: SessionKey
  readonly state: SessionState
  readonly journal: JournalWriter
  readonly providers: ProviderTable
  readonly turns: EventLoopTurns
  readonly clock: Clock
  readonly logger: Logger
  readonly pause: AttemptPause
  /** The agent as it is configured now. */
  readonly agent: () => AgentDefinition
}

const summaryPrompt =
  'Summarise this conversation for yourself, so that you can go on with it without having it. Keep names, numbers, decisions, open questions, ' +
  'file names and what is still to be done. Write plain text, at most 800 words.'

/** Several times what 800 words take: some models think before they write, asked to or not. */
const summaryOutputTokens = 8_000

/** Turns that go on with the whole history before a summary that could not be had is asked for again. */
const turnsUntilNextTry = 5

/** A summary of part of a history. */
interface Summary {
  readonly text: string
  readonly usage: Usage
  readonly model: string
}

export class HistorySummary {
  readonly #options: HistorySummaryOptions
  /** Where no summary could be had. Not in the journal: the next incarnation may have more luck. */
  #failedAt: { readonly runId: RunId; readonly turn: number; readonly isUrgent: boolean } | undefined

  constructor(options: HistorySummaryOptions) {
    this.#options = options
  }

  /** True where there are messages that a summary could take the place of, and one has not just failed. */
  canBeHad(): boolean {
    return !this.#hasJustFailed() && this.#droppable() > 0
  }

  /** A run that cannot go on without a summary asks for one more, whatever became of one that would only have been useful. */
  #hasJustFailed(): boolean {
    const { current } = this.#options.state
    const failed = this.#failedAt
    if (failed === undefined || current === undefined || failed.runId !== current.runId) return false
    return this.#isUrgent() ? failed.isUrgent && failed.turn === current.turn : current.turn < failed.turn + turnsUntilNextTry
  }

  #isUrgent(): boolean {
    return this.#options.state.current?.failure?.failure.code === 'provider-context-overflow'
  }

  /** Puts a summary in the place of the oldest messages. Where none can be had, the history stays as it is, and the log says why. */
  async make(runId: RunId, signal: AbortSignal): Promise<void> {
    const { state, journal, logger, sessionKey } = this.#options
    await journal.flush()
    const dropped = this.#droppable()
    try {
      const { text, usage, model } = await this.#tries(state.shown.messages().slice(0, dropped), signal)
      if (!signal.aborted) journal.stage({ type: 'history-compact', runId, summary: text, dropped, usage, model })
    } catch (error) {
      if (signal.aborted) return
      const turn = state.current?.turn ?? 0
      this.#failedAt = { runId, turn, isUrgent: this.#isUrgent() }
      const { code, message } = describeFailure(error).failure
      logger.log('warn', 'session.summary-failed', { session: sessionKey, run: runId, turn, code, error: message })
    }
  }

  async #tries(messages: readonly Message[], signal: AbortSignal): Promise<Summary> {
    let characters = this.#options.agent().compactAboveTokens * 2
    let usage = zeroUsage
    const { model } = this.#options.agent()
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#ask(transcriptOf(messages, characters), signal)
        usage = addUsage(usage, answer.usage)
        return { text: checkedSummary(answer, messages), usage, model }
      } catch (error) {
        const isTooLong = BeamClawError.isInstance(error, 'provider-context-overflow')
        const { isRetryable, retryAfterMs = 0 } = describeFailure(error)
        if (signal.aborted || attempt >= runLimitDefaults.maxAttempts || !(isRetryable || isTooLong)) throw error
        if (isTooLong) characters = Math.floor(characters / 3)
        else if (!(await this.#options.pause(attempt + 1, retryAfterMs, signal))) throw error
      }
    }
  }

  /** Asks without thinking, and without tools. */
  #ask(transcript: string, signal: AbortSignal): Promise<ModelAnswer> {
    const { providers, agent, turns, clock } = this.#options
    const { id, model: name } = agent()
    const { provider, model } = providers.resolve(name)
    const messages: readonly Message[] = [{ role: 'user', content: transcript }]
    const request = { model, agent: id, system: summaryPrompt, messages, maxOutputTokens: summaryOutputTokens }
    return readAnswer(
      () => provider.doStream(request, { signal }),
      { signal, turns, clock },
      () => {},
    )
  }

  #droppable(): number {
    const { state, agent } = this.#options
    const { shown } = state
    // Where the model has said that it is too much, the estimate is too low: what counts is the share.
    const most = this.#isUrgent() ? Math.min(shown.tokens, agent().compactAboveTokens) : agent().compactAboveTokens
    return compactableMessages(shown.messages(), Math.min(keptTokens, Math.floor(most / 4)))
  }
}

/** Returns the text of a summary that is whole. Throws `provider-protocol`, which another try may mend. */
function checkedSummary({ message, finish }: ModelAnswer, replaced: readonly Message[]): string {
  const text = textOf(message).trim()
  // `other` is all that some servers ever say of an answer that is whole; one that was cut off is told as such.
  if (finish !== 'stop' && finish !== 'other') throw noSummary(`the answer ended with "${finish}"`)
  if (text === '') throw noSummary('the answer holds no text')
  const tokens = estimateTokens([{ role: 'user', content: text }])
  const replacedTokens = estimateTokens(replaced)
  if (tokens >= replacedTokens) throw noSummary(`it has ${tokens} tokens, the messages it was to replace have ${replacedTokens}`)
  return text
}

function noSummary(problem: string): BeamClawError {
  return new BeamClawError('provider-protocol', `The model did not sum up the history: ${problem}`)
}
