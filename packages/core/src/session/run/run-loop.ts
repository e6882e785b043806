/** Takes one step after another until no work is left. Each step stages its intent, acts once the intent is durable, and stages the outcome. */

import { guardedAbortController } from '@beamclaw/actor/internal'
import type { AgentDefinition } from '../../agent/agent.ts'
import { isRemoved } from '../../agent/removed-agent.ts'
import { describeError } from '../../base/errors.ts'
import type { JsonValue, ToolCall } from '../../base/messages.ts'
import { runFailureOf } from '../../base/run-failure.ts'
import type { Tool } from '../../tool/tool.ts'
import type { JournalEntry, RunEnd } from '../journal/records.ts'
import type { RunState } from '../state/run-state.ts'
import { type AttemptPause, attemptPause } from './attempts.ts'
import { HistorySummary } from './compaction.ts'
import { historyLimit } from './history-limit.ts'
import { askModel } from './model-step.ts'
import { type NextStep, nextStep, runLimitDefaults } from './next-step.ts'
import { contextFor } from './run-context.ts'
import { callHook, HookFailure } from './run-hooks.ts'
import type { RunLoopOptions } from './run-loop-options.ts'
import { closedCall } from './tool-call.ts'
import { runTools } from './tool-step.ts'

/** A step that takes time. The end of a run is one when a hook observes it. */
type Act = Extract<NextStep, { type: 'compact' | 'ask-model' | 'run-tools' | 'end-run' }>

/** A step that is complete once it is staged. */
type Fact = Exclude<NextStep, { type: 'compact' | 'ask-model' | 'run-tools' | 'wait' }>

export class RunLoop {
  readonly #options: RunLoopOptions
  readonly #pause: AttemptPause
  readonly #summary: HistorySummary
  #step: AbortController
  #isPaused = false

  constructor(options: RunLoopOptions) {
    this.#options = options
    this.#pause = attemptPause(options)
    this.#step = this.#newStep()
    this.#summary = new HistorySummary({ ...options, pause: this.#pause })
  }

  /** Creates the controller of a step; providers listen to its signal. */
  #newStep(): AbortController {
    const { logger, sessionKey } = this.#options
    return guardedAbortController((error) => {
      logger.log('error', 'session.abort-listener-failed', { session: sessionKey, error: describeError(error) })
    })
  }

  /** Interrupts the active step, which then records its progress. The next step is decided anew. */
  interruptStep(reason: unknown): void {
    this.#step.abort(reason)
  }

  /** Begins no further step; the one under way completes. */
  pause(): void {
    this.#isPaused = true
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /**
   * Runs until no work is left, the loop is paused, or `stopped` is aborted. Of the steps that take time only the request to a model may begin before `listed` has resolved.
   * Rejects with the error that prevented a journal write, and as `listed` does.
   */
  async run(stopped: AbortSignal, listed: Promise<void>): Promise<void> {
    const { journal } = this.#options
    // Undefined once it has resolved: the later steps have nothing to wait for.
    let unlisted: Promise<void> | undefined = listed
    // Linked by hand: a combined signal for every step costs more than the step.
    const follow = (): void => this.#step.abort(stopped.reason)
    // The loop may end before it awaits this.
    listed.catch(() => {})
    stopped.addEventListener('abort', follow)
    try {
      while (!stopped.aborted && !this.#isPaused) {
        const step = this.#next()
        if (step.type === 'wait') {
          await Promise.all([listed, journal.flush()])
          if (this.#next().type === 'wait') return
        } else if (this.#takesTime(step)) {
          this.#step = this.#newStep()
          if (step.type !== 'ask-model' && unlisted !== undefined) {
            await unlisted
            unlisted = undefined
          }
          await this.#act(step, this.#step.signal, unlisted)
        } else {
          journal.stage(...this.#facts(step))
        }
      }
      await Promise.all([listed, journal.flush()])
    } catch (error) {
      // A request that has left ahead of its record would go on.
      this.#step.abort(error)
      // What is staged has nothing to do with an error of a step: a message that is on its way becomes durable, and its sender hears of it.
      await Promise.allSettled([listed, journal.flush()])
      throw error
    } finally {
      stopped.removeEventListener('abort', follow)
    }
  }

  /** False when no step can be taken, although work may be open: the agent is not configured. */
  get hasStep(): boolean {
    return this.#next().type !== 'wait'
  }

  #next(): NextStep {
    const { state, agent, providers } = this.#options
    const answering = agent()
    return nextStep(state, {
      isAgentRemoved: isRemoved(answering),
      limits: { ...runLimitDefaults, maxTurns: answering.maxTurns },
      isHistoryLong: () => state.shown.tokens > historyLimit(answering, providers, state.current?.settings.model),
      canCompact: () => this.#summary.canBeHad(),
      canGoOn: (name) => canGoOn(answering.tools.get(name)),
    })
  }

  /** Returns the entries of a step that takes no time. */
  #facts(step: Fact): JournalEntry[] {
    const { runId } = step
    switch (step.type) {
      case 'start-run':
        return [{ type: 'run-start', runId, ...(step.merged.length === 0 ? {} : { merged: step.merged }) }]
      case 'steer':
        return [{ type: 'run-steer', runId, from: step.from }]
      case 'close-tools':
        return step.calls.flatMap((call) => this.#closed(call, step.outcome))
      case 'end-run':
        return [endOf(step)]
    }
  }

  #closed(call: ToolCall, outcome: Parameters<typeof closedCall>[2]): JournalEntry[] {
    const { current } = this.#options.state
    return current === undefined ? [] : [closedCall(current, call, outcome)]
  }

  #takesTime(step: Exclude<NextStep, { type: 'wait' }>): step is Act {
    if (step.type === 'end-run') return this.#options.agent().hooks.onRunEnd !== undefined && step.failure?.code !== 'poison-message'
    return step.type === 'compact' || step.type === 'ask-model' || step.type === 'run-tools'
  }

  /** Calls the hook. It may fail a run that was completed; for any other run its errors are only logged. */
  async #endRun(step: Extract<NextStep, { type: 'end-run' }>, signal: AbortSignal): Promise<void> {
    const { journal, state, agent, sessionKey, clock, logger } = this.#options
    const run = state.current
    if (run === undefined) return
    const { outcome, failure } = step
    try {
      const answering = agent()
      const context = await endContext(answering, run, this.#options, signal)
      const hooks = { agent: answering, sessionKey, run, context, clock, signal }
      await callHook('onRunEnd', hooks, { outcome, failure, message: run.response?.message, usage: run.usage })
      if (!signal.aborted) journal.stage(endOf(step))
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof HookFailure)) throw error
      const { code, message } = error.error
      if (outcome === 'completed') return journal.stage({ ...endOf(step), outcome: 'failed', failure: runFailureOf(error.error) })
      logger.log('error', 'session.hook-failed', { session: sessionKey, run: run.runId, code, error: message })
      journal.stage(endOf(step))
    }
  }

  #act(step: Act, signal: AbortSignal, listed: Promise<void> | undefined): Promise<void> {
    switch (step.type) {
      case 'compact':
        return this.#summary.make(step.runId, signal)
      case 'ask-model':
        return askModel(this.#options, this.#pause, step, { signal, listed })
      case 'run-tools':
        return runTools(this.#options, step, signal)
      case 'end-run':
        return this.#endRun(step, signal)
    }
  }
}

/** True for a tool that may go on with a call that had begun when its process ended. */
function canGoOn(tool: Tool | undefined): boolean {
  return tool !== undefined && (tool.idempotent || tool.reconcile !== undefined)
}

function endOf({ runId, outcome, failure }: Extract<NextStep, { type: 'end-run' }>): RunEnd {
  return { type: 'run-end', runId, outcome, ...(failure === undefined ? {} : { failure }) }
}

/** Resolves with the context for a last hook. One that the agent's schema refuses has failed the run: the hook is told of that, with the context as it came. */
async function endContext(
  agent: AgentDefinition,
  run: RunState,
  options: RunLoopOptions,
  signal: AbortSignal,
): Promise<JsonValue | undefined> {
  try {
    return await contextFor(agent, run, options, signal)
  } catch (error) {
    if (error instanceof HookFailure) return run.context
    throw error
  }
}
