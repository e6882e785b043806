/** Takes one step after the other, until there is nothing to do: states what it is about to do, does it once that is durable, states what came of it. */

import type { AgentDefinition } from '../../agent/agent.ts'
import { guardedAbortController } from '../../base/abort.ts'
import { describeError } from '../../base/errors.ts'
import type { ProvisionalEvent } from '../../base/events.ts'
import type { RunId, SessionKey } from '../../base/ids.ts'
import type { ToolCall, ToolResult } from '../../base/messages.ts'
import type { ProviderRequest } from '../../ports/provider.ts'
import type { Clock, Logger, Random } from '../../ports/services.ts'
import type { ProviderTable } from '../../provider/provider-table.ts'
import { headOf, type ToolRunner } from '../../tool/tool-runner.ts'
import type { JournalWriter } from '../journal/journal-writer.ts'
import type { JournalEntry, ToolOutcome } from '../journal/records.ts'
import type { SessionState } from '../state/session-state.ts'
import { type AttemptPause, attemptPause, describeFailure } from './attempts.ts'
import { HistorySummary } from './compaction.ts'
import type { EventLoopTurns } from './event-loop-turns.ts'
import { type ModelAnswer, readAnswer } from './model-answer.ts'
import { type NextStep, nextStep, type RunLimits, runLimitDefaults, steering } from './next-step.ts'
import type { SuspectLine } from './suspect-line.ts'

export interface RunLoopOptions {
  readonly sessionKey: SessionKey
  readonly state: SessionState
  readonly journal: JournalWriter
  readonly providers: ProviderTable
  readonly toolRunner: ToolRunner
  readonly suspects: SuspectLine
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly turns: EventLoopTurns
  /** The agent as it is configured now. */
  readonly agent: () => AgentDefinition
  readonly tell: (event: ProvisionalEvent) => void
}

/** Tool calls of one turn that run at the same time. */
const maxParallelTools = 16

/** A step that takes time. */
type Act = Extract<NextStep, { type: 'compact' | 'ask-model' | 'run-tools' }>

/** A step that is done once it is stated. */
type Fact = Exclude<NextStep, Act | { type: 'wait' }>

export class RunLoop {
  readonly #options: RunLoopOptions
  readonly #pause: AttemptPause
  readonly #summary: HistorySummary
  #step: AbortController

  constructor(options: RunLoopOptions) {
    this.#options = options
    this.#pause = attemptPause(options)
    this.#step = this.#newStep()
    this.#summary = new HistorySummary({ ...options, pause: this.#pause })
  }

  /** Providers listen to its signal. */
  #newStep(): AbortController {
    const { logger, sessionKey } = this.#options
    return guardedAbortController((error) => {
      logger.log('error', 'session.abort-listener-failed', { session: sessionKey, error: describeError(error) })
    })
  }

  /** Ends the step under way, which then writes down how far it got. The next step is decided anew. */
  interruptStep(reason: unknown): void {
    this.#step.abort(reason)
  }

  /** Runs until there is nothing to do or `stopped` is aborted. Rejects with what kept the journal from being written. */
  async run(stopped: AbortSignal): Promise<void> {
    const { journal } = this.#options
    // By hand: a signal made of two for every step costs more than the step.
    const follow = (): void => this.#step.abort(stopped.reason)
    stopped.addEventListener('abort', follow)
    try {
      while (!stopped.aborted) {
        const step = this.#next()
        if (step.type === 'wait') {
          await journal.flush()
          if (this.#next().type === 'wait') return
        } else if (isAct(step)) {
          this.#step = this.#newStep()
          await this.#act(step, this.#step.signal)
        } else {
          journal.stage(...this.#facts(step))
        }
      }
      await journal.flush()
    } finally {
      stopped.removeEventListener('abort', follow)
    }
  }

  #next(): NextStep {
    const { state, agent } = this.#options
    const { tools } = agent()
    return nextStep(state, {
      limits: this.#limits(),
      historyTokens: state.shown.tokens,
      canCompact: () => this.#summary.canBeHad(),
      isIdempotent: (name) => tools.get(name)?.idempotent === true,
    })
  }

  #limits(): RunLimits {
    const { maxTurns, compactAboveTokens } = this.#options.agent()
    return { ...runLimitDefaults, maxTurns, compactAboveTokens }
  }

  /** What a step that takes no time writes down. */
  #facts(step: Fact): JournalEntry[] {
    const { runId } = step
    switch (step.type) {
      case 'start-run':
        return [{ type: 'run-start', runId, ...(step.merged.length === 0 ? {} : { merged: step.merged }) }]
      case 'steer':
        return [{ type: 'run-steer', runId, from: step.from }]
      case 'close-tools':
        return step.calls.map((call) => this.#closed(runId, call, step.outcome))
      case 'end-run':
        return [{ type: 'run-end', runId, outcome: step.outcome, ...(step.failure === undefined ? {} : { failure: step.failure }) }]
    }
  }

  #act(step: Act, signal: AbortSignal): Promise<void> {
    switch (step.type) {
      case 'compact':
        return this.#summary.make(step.runId, signal)
      case 'ask-model':
        return this.#askModel(step, signal)
      case 'run-tools':
        return this.#runTools(step, signal)
    }
  }

  async #askModel(step: Extract<NextStep, { type: 'ask-model' }>, signal: AbortSignal): Promise<void> {
    const { journal, providers, agent, tell, sessionKey, turns, clock } = this.#options
    const { runId, turn, attempt } = step
    if (step.retry !== undefined) {
      await journal.flush()
      if (!(await this.#pause(attempt, step.retry.afterMs, signal))) return
    }
    const { model: name } = agent()
    await journal.commit({ type: 'model-request', runId, turn, attempt, model: name })
    if (signal.aborted) return
    let answer: ModelAnswer
    try {
      const { provider, model } = providers.resolve(name)
      const request = this.#request(model)
      answer = await readAnswer(
        () => provider.doStream(request, { signal }),
        { signal, turns, clock },
        ({ type, text }) => {
          tell({ type, sessionKey, runId, turn, attempt, text })
        },
      )
    } catch (error) {
      // Told to stop, or the run was cancelled: the request stays open, and the next step is decided by what the journal says.
      if (signal.aborted) return
      return journal.stage({ type: 'model-failure', runId, turn, attempt, ...describeFailure(error) })
    }
    // What follows from it is decided at once, and written down with it.
    journal.stage({ type: 'model-response', runId, turn, ...answer })
  }

  #request(model: string): ProviderRequest {
    const { state, agent } = this.#options
    const { id, system, thinking, tools } = agent()
    const responseFormat = state.current?.responseFormat
    return {
      model,
      agent: id,
      messages: state.shown.messages(),
      ...(system === undefined ? {} : { system }),
      ...(tools.size === 0 ? {} : { tools: [...tools.values()].map((tool) => tool.declaration) }),
      ...(thinking === 'off' ? {} : { thinking }),
      ...(responseFormat === undefined ? {} : { responseFormat }),
    }
  }

  /** Runs the calls next to each other, as many as may; each begins once its intent is durable. */
  async #runTools({ runId, turn, calls }: Extract<NextStep, { type: 'run-tools' }>, signal: AbortSignal): Promise<void> {
    const { journal, state } = this.#options
    const waiting = [...calls]
    let running = 0
    const runNext = async (): Promise<void> => {
      for (let call = waiting.shift(); call !== undefined; call = waiting.shift()) {
        running++
        await this.#runToolInTurn(runId, turn, call, signal)
        running--
        if (signal.aborted || steering(state) !== undefined) waiting.length = 0
        // The last outcome is written down together with what follows from it.
        if (running > 0 || waiting.length > 0) await journal.flush()
      }
    }
    await Promise.all(Array.from({ length: Math.min(maxParallelTools, calls.length) }, runNext))
  }

  /** A run that may have taken the process down waits until no other such run has a tool under way. */
  async #runToolInTurn(runId: RunId, turn: number, call: ToolCall, signal: AbortSignal): Promise<void> {
    const { state, suspects, journal } = this.#options
    if ((state.current?.crashes ?? 0) === 0) return this.#runTool(runId, turn, call, signal)
    const endTurn = await suspects.enter(signal, async () => {
      if (!signal.aborted && state.current?.runId === runId)
        await journal.commit({ type: 'run-resume', runId, isCleared: true }).catch(() => {})
    })
    try {
      if (signal.aborted) return
      await this.#runTool(runId, turn, call, signal)
      await journal.flush()
    } finally {
      endTurn()
    }
  }

  async #runTool(runId: RunId, turn: number, call: ToolCall, signal: AbortSignal): Promise<void> {
    const { journal, toolRunner, agent, sessionKey, state } = this.#options
    const { id: toolCallId, name, input } = call
    const index = state.current?.response?.calls.findIndex(({ id }) => id === toolCallId) ?? 0
    await journal.commit({ type: 'tool-intent', runId, turn, toolCallId, name, input })
    if (signal.aborted) return
    const result = await toolRunner.run(call, agent().tools, { sessionKey, runId, idempotencyKey: `${runId}:${turn}:${index}`, signal })
    // Cut short: nobody can say what it did before it noticed.
    if (signal.aborted && result.isError) return
    journal.stage({ type: 'tool-outcome', runId, turn, outcome: result.isError ? 'error' : 'ok', result })
  }

  #closed(runId: RunId, call: ToolCall, outcome: Extract<ToolOutcome, 'unknown' | 'cancelled'>) {
    const text =
      outcome === 'unknown'
        ? 'Outcome unknown: this call had begun when the session was interrupted. It may or may not have taken effect; check before you repeat it.'
        : 'Not run: the call was cancelled before it began.'
    const result: ToolResult = { ...headOf(call), content: text, isError: true }
    return { type: 'tool-outcome' as const, runId, turn: this.#options.state.current?.turn ?? 0, outcome, result }
  }
}

function isAct(step: Exclude<NextStep, { type: 'wait' }>): step is Act {
  return step.type === 'compact' || step.type === 'ask-model' || step.type === 'run-tools'
}
