/** Asks a model to summarise the oldest messages of a history. The answer is checked: only a complete summary replaces messages. */
import type { Clock, Logger } from '@beamclaw/actor'
import type { AgentDefinition } from '../../agent/agent.ts'
import { BeamClawError } from '../../base/errors.ts'
import type { RunId, SessionKey, TenantId } from '../../base/ids.ts'
import { addUsage, type Message, textOf, type Usage, zeroUsage } from '../../base/messages.ts'
import type { ProviderTable } from '../../provider/provider-table.ts'
import type { Attachments } from '../attachments/attachments.ts'
import type { JournalWriter } from '../journal/journal-writer.ts'
import type { SessionState } from '../state/session-state.ts'
import { compactableMessages, estimateTokens, keptTokens, transcriptOf } from '../state/shown-history.ts'
import { type AttemptPause, describeFailure } from './attempts.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import { historyLimit } from './history-limit.ts'
import { type ModelAnswer, readAnswer } from './model-answer.ts'
import { runLimitDefaults } from './next-step.ts'

export interface HistorySummaryOptions {
  readonly sessionKey: SessionKey
  readonly tenant: TenantId
  readonly state: SessionState
  readonly journal: JournalWriter
  readonly attachments: Attachments
  readonly providers: ProviderTable
  readonly turns: EventLoopTurns
  readonly clock: Clock
  readonly logger: Logger
  readonly pause: AttemptPause
  /** Returns the agent as configured now. */
  readonly agent: () => AgentDefinition
}

const summaryPrompt =
  'Summarise this conversation for yourself, so that you can go on with it without having it. Keep names, numbers, decisions, open questions, ' +
  'file names and what is still to be done. Write plain text, at most 800 words.'

/** Several times the size of 800 words: some models think before they write, whether asked to or not. */
const summaryOutputTokens = 8_000

/** Turns that continue with the whole history before a failed summary is tried again. */
const turnsUntilNextTry = 5

/** A summary of part of a history. */
interface Summary {
  readonly text: string
  readonly usage: Usage
  readonly model: string
}

export class HistorySummary {
  readonly #options: HistorySummaryOptions
  /** Where the last summary failed. It is not in the journal, so the next incarnation tries again. */
  #failedAt: { readonly runId: RunId; readonly turn: number; readonly isUrgent: boolean } | undefined

  constructor(options: HistorySummaryOptions) {
    this.#options = options
  }

  /** True when a summary could replace messages and none has just failed. */
  canBeHad(): boolean {
    return !this.#hasJustFailed() && this.#droppable() > 0
  }

  /** A run that cannot continue without a summary tries once more, even after a failed summary that was only useful. */
  #hasJustFailed(): boolean {
    const { current } = this.#options.state
    const failed = this.#failedAt
    if (failed === undefined || current === undefined || failed.runId !== current.runId) return false
    return this.#isUrgent() ? failed.isUrgent && failed.turn === current.turn : current.turn < failed.turn + turnsUntilNextTry
  }

  #isUrgent(): boolean {
    return this.#options.state.current?.failure?.failure.code === 'provider-context-overflow'
  }

  /** Replaces the oldest messages with a summary. When the summary fails, the history stays as it is and the reason is logged. */
  async make(runId: RunId, signal: AbortSignal): Promise<void> {
    const { state, journal, logger, sessionKey } = this.#options
    await journal.flush()
    const dropped = this.#droppable()
    try {
      const { text, usage, model } = await this.#tries(await this.#oldest(dropped, runId, signal), signal)
      if (!signal.aborted) journal.stage({ type: 'history-compact', runId, summary: text, dropped, usage, model })
    } catch (error) {
      if (signal.aborted) return
      const turn = state.current?.turn ?? 0
      this.#failedAt = { runId, turn, isUrgent: this.#isUrgent() }
      const { code, message } = describeFailure(error).failure
      logger.log('warn', 'session.summary-failed', { session: sessionKey, run: runId, turn, code, error: message })
    }
  }

  /** Resolves with the messages that the summary is to replace, their texts whole: images are named in it, and not shown. */
  async #oldest(dropped: number, runId: RunId, signal: AbortSignal): Promise<readonly Message[]> {
    const { state, attachments } = this.#options
    const messages = state.shown.messages().slice(0, dropped)
    return state.shown.references === 0 ? messages : attachments.whole(messages, { runId, signal, kinds: 'texts' })
  }

  async #tries(messages: readonly Message[], signal: AbortSignal): Promise<Summary> {
    // The agent's own model is asked, whatever the run's is.
    let characters = historyLimit(this.#options.agent(), this.#options.providers) * 2
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

  /** Calls the model without thinking and without tools. */
  #ask(transcript: string, signal: AbortSignal): Promise<ModelAnswer> {
    const { providers, agent, tenant, turns, clock } = this.#options
    const { id, model: name } = agent()
    const { provider, model } = providers.resolve(name)
    const messages: readonly Message[] = [{ role: 'user', content: transcript }]
    const request = { model, agent: id, tenant, system: summaryPrompt, messages, maxOutputTokens: summaryOutputTokens }
    return readAnswer(
      () => provider.doStream(request, { signal }),
      { signal, turns, clock },
      () => {},
    )
  }

  #droppable(): number {
    const { state, agent, providers } = this.#options
    const { shown } = state
    // After a context overflow the token estimate is known to be too low, so at most a quarter of the estimated history is kept.
    const limit = historyLimit(agent(), providers, state.current?.settings.model)
    const most = this.#isUrgent() ? Math.min(shown.tokens, limit) : limit
    return compactableMessages(shown.messages(), Math.min(keptTokens, Math.floor(most / 4)))
  }
}

/** Returns the text of a complete summary. Throws `provider-protocol`, after which another attempt may succeed. */
function checkedSummary({ message, finish }: ModelAnswer, replaced: readonly Message[]): string {
  const text = textOf(message).trim()
  // Some servers report only `other` for a complete answer. They report an answer that was cut off as such.
  if (finish !== 'stop' && finish !== 'other') throw noSummary(`the answer ended with "${finish}"`)
  if (text === '') throw noSummary('the answer holds no text')
  const tokens = estimateTokens([{ role: 'user', content: text }])
  const replacedTokens = estimateTokens(replaced)
  if (tokens >= replacedTokens) throw noSummary(`it has ${tokens} tokens, the messages it was to replace have ${replacedTokens}`)
  return text
}

function noSummary(problem: string): BeamClawError {
  return new BeamClawError('provider-protocol', `The model did not summarise the history: ${problem}`)
}
