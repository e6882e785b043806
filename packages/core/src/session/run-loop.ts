/** Takes one step after the other, until there is nothing to do: writes down what it is about to do, does it, writes down what came of it. */
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError, describeError } from '../errors.ts'
import type { ProvisionalEvent } from '../events.ts'
import type { RunId, SessionKey } from '../ids.ts'
import type { ToolCall, ToolResult } from '../messages.ts'
import type { Clock, Random } from '../ports/ambient.ts'
import type { ProviderRequest, ThinkingLevel } from '../ports/provider.ts'
import type { ProviderTable } from '../provider/provider-table.ts'
import type { Tool } from '../tool/tool.ts'
import { headOf, type ToolRunner } from '../tool/tool-runner.ts'
import { type Answer, readAnswer } from './answer.ts'
import { compactableMessages, keptTokens, transcriptOf, trimToolResults } from './history.ts'
import type { ToolOutcome } from './journal.ts'
import type { JournalWriter } from './journal-writer.ts'
import { type NextStep, nextStep, type Retry, type RunLimits } from './recovery.ts'
import type { SessionState } from './session-state.ts'

export interface RunLoopOptions {
  readonly sessionKey: SessionKey
  readonly agent: AgentDefinition
  readonly state: SessionState
  readonly journal: JournalWriter
  readonly providers: ProviderTable
  readonly tools: ReadonlyMap<string, Tool>
  readonly toolRunner: ToolRunner
  readonly limits: RunLimits
  readonly clock: Clock
  readonly random: Random
  /** The model to ask now, `<provider>/<model>`, and how hard it should think. */
  readonly modelNow: () => { readonly model: string; readonly thinking: ThinkingLevel }
  readonly tell: (event: ProvisionalEvent) => void
}

/** Waits between attempts: 500 ms doubled each time, unless the service names a longer time. */
const attemptBackoffMs = 500

/** The longest time a service may name before a run fails instead of waiting. */
const maxRetryAfterMs = 60_000

const summaryPrompt =
  'Summarise this conversation for yourself, so that you can go on with it without having it. Keep names, numbers, decisions, open questions, ' +
  'file names and what is still to be done. Write plain text, at most 800 words.'

export class RunLoop {
  readonly #options: RunLoopOptions
  #step = new AbortController()

  constructor(options: RunLoopOptions) {
    this.#options = options
  }

  /** Ends the step under way, which then writes down how far it got. The next step is decided anew. */
  interruptStep(reason: unknown): void {
    this.#step.abort(reason)
  }

  /** Runs until there is nothing to do or `stopped` is aborted. Rejects with what kept the journal from being written. */
  async run(stopped: AbortSignal): Promise<void> {
    for (let step = this.#next(); step.type !== 'wait' && !stopped.aborted; step = this.#next()) {
      this.#step = new AbortController()
      await this.#take(step, AbortSignal.any([this.#step.signal, stopped]), stopped)
    }
  }

  #next(): NextStep {
    const { state, limits, tools } = this.#options
    return nextStep(state, {
      limits,
      historyTokens: state.historyTokens,
      canCompact: () => this.#compactable() > 0,
      isIdempotent: (name) => tools.get(name)?.idempotent === true,
    })
  }

  async #take(step: Exclude<NextStep, { type: 'wait' }>, signal: AbortSignal, stopped: AbortSignal): Promise<void> {
    const { journal } = this.#options
    const { runId } = step
    switch (step.type) {
      case 'start-run':
        return journal.commit({ type: 'run-start', runId, ...(step.merged.length === 0 ? {} : { merged: step.merged }) })
      case 'steer':
        return journal.commit({ type: 'run-steer', runId, from: step.from })
      case 'compact':
        return this.#compact(runId, signal, stopped)
      case 'ask-model':
        return this.#askModel(step, signal, stopped)
      case 'close-tools':
        return journal.commit(...step.calls.map((call) => this.#closed(runId, call, step.outcome)))
      case 'run-tools':
        await Promise.all(step.calls.map((call) => this.#runTool(runId, step.turn, call, signal)))
        return
      case 'end-run':
        return journal.commit({
          type: 'run-end',
          runId,
          outcome: step.outcome,
          ...(step.failure === undefined ? {} : { failure: step.failure }),
        })
    }
  }

  async #askModel(step: Extract<NextStep, { type: 'ask-model' }>, signal: AbortSignal, stopped: AbortSignal): Promise<void> {
    const { journal, providers, modelNow, tell, sessionKey } = this.#options
    const { runId, turn, attempt } = step
    const { model: name } = modelNow()
    if (step.retry !== undefined && !(await this.#pause(attempt, step.retry, signal))) return
    await journal.commit({ type: 'model-request', runId, turn, attempt, model: name })
    if (signal.aborted) return
    let answer: Answer
    try {
      const { provider, model } = providers.resolve(name)
      answer = await readAnswer(provider.doStream(this.#request(model), { signal }), (part) => {
        if (part.type === 'text-delta' || part.type === 'thinking-delta') {
          tell({ type: part.type, sessionKey, runId, turn, attempt, text: part.text })
        }
      })
    } catch (error) {
      // Told to stop, or the run was cancelled: the request stays open, and the next step is decided by what the journal says.
      if (stopped.aborted || signal.aborted) return
      return journal.commit({ type: 'model-failure', runId, turn, attempt, ...describeFailure(error) })
    }
    await journal.commit({ type: 'model-response', runId, turn, ...answer })
  }

  /** Waits before another attempt; answers false when that was interrupted. */
  #pause(attempt: number, { afterMs }: Retry, signal: AbortSignal): Promise<boolean> {
    const { clock, random } = this.#options
    const backoffMs = attemptBackoffMs * 2 ** (attempt - 2) * (0.5 + random.next() / 2)
    const delayMs = Math.min(maxRetryAfterMs, Math.max(afterMs, Math.round(backoffMs)))
    return new Promise((resolve) => {
      const abort = (): void => {
        timer.cancel()
        resolve(false)
      }
      const timer = clock.setTimer(() => {
        signal.removeEventListener('abort', abort)
        resolve(true)
      }, delayMs)
      signal.addEventListener('abort', abort, { once: true })
      if (signal.aborted) abort()
    })
  }

  #request(model: string): ProviderRequest {
    const { state, agent, tools, modelNow } = this.#options
    const { thinking } = modelNow()
    const responseFormat = state.current?.responseFormat
    return {
      model,
      messages: trimToolResults(state.history),
      ...(agent.system === undefined ? {} : { system: agent.system }),
      ...(tools.size === 0 ? {} : { tools: [...tools.values()].map((tool) => tool.declaration) }),
      ...(thinking === 'off' ? {} : { thinking }),
      ...(responseFormat === undefined ? {} : { responseFormat }),
    }
  }

  async #runTool(runId: RunId, turn: number, call: ToolCall, signal: AbortSignal): Promise<void> {
    const { journal, toolRunner, tools, sessionKey } = this.#options
    if (signal.aborted) return
    const { id: toolCallId, name, input } = call
    await journal.commit({ type: 'tool-intent', runId, turn, toolCallId, name, input })
    const result = await toolRunner.run(call, tools, { sessionKey, runId, signal })
    // Cut short: nobody can say what it did before it noticed.
    if (signal.aborted && result.isError) return
    await journal.commit({ type: 'tool-outcome', runId, turn, outcome: result.isError ? 'error' : 'ok', result })
  }

  #closed(runId: RunId, call: ToolCall, outcome: Extract<ToolOutcome, 'unknown' | 'cancelled'>) {
    const text =
      outcome === 'unknown'
        ? 'Outcome unknown: this call had begun when the session was interrupted. It may or may not have taken effect; check before you repeat it.'
        : 'Not run: the call was cancelled before it began.'
    const result: ToolResult = { ...headOf(call), content: text, isError: true }
    return { type: 'tool-outcome' as const, runId, turn: this.#options.state.current?.turn ?? 0, outcome, result }
  }

  /** How many of the oldest messages a summary could take the place of. */
  #compactable(): number {
    const { state, limits } = this.#options
    return compactableMessages(state.history, Math.min(keptTokens, Math.floor(limits.compactAboveTokens / 4)))
  }

  /** Has the model sum up the oldest messages. Where it cannot, the run fails and says why. */
  async #compact(runId: RunId, signal: AbortSignal, stopped: AbortSignal): Promise<void> {
    const { state, providers, modelNow, journal, limits } = this.#options
    const dropped = this.#compactable()
    const { provider, model } = providers.resolve(modelNow().model)
    const transcript = transcriptOf(state.history.slice(0, dropped), limits.compactAboveTokens * 2)
    const request: ProviderRequest = {
      model,
      system: summaryPrompt,
      messages: [{ role: 'user', content: transcript }],
      maxOutputTokens: 2_000,
    }
    try {
      const { message, usage } = await readAnswer(provider.doStream(request, { signal }), () => {})
      const summary = message.content.map((part) => (part.type === 'text' ? part.text : '')).join('')
      await journal.commit({ type: 'history-compact', runId, summary, dropped, usage })
    } catch (error) {
      if (stopped.aborted || signal.aborted) return
      if (!BeamClawError.isInstance(error) || !error.code.startsWith('provider-')) throw error
      const { turn } = state.current ?? { turn: 0 }
      await journal.commit({
        type: 'run-end',
        runId,
        outcome: 'failed',
        failure: { code: error.code, message: `The history could not be summed up before turn ${turn + 1}: ${describeError(error)}` },
      })
    }
  }
}

function describeFailure(error: unknown) {
  const isTyped = BeamClawError.isInstance(error)
  return {
    failure: { code: isTyped ? error.code : 'internal', message: describeError(error) },
    isRetryable: isTyped && error.isRetryable && (error.retryAfterMs ?? 0) <= maxRetryAfterMs,
    ...(isTyped && error.retryAfterMs !== undefined ? { retryAfterMs: error.retryAfterMs } : {}),
  }
}
