/** How a run went and ended, built from its events as the session builds it from its records: a reader of all of them need not ask the session. */
import type { CommittedEvent, RunEvent } from '../../base/events.ts'
import type { RunId } from '../../base/ids.ts'
import { addModelUsage, addUsage, type ModelUsage, type Usage, zeroUsage } from '../../base/messages.ts'
import type { EndedRun } from '../state/known-run.ts'
import { RunSteps } from './run-steps.ts'

/** Takes the events of one run, in order. */
export class EndOfRun {
  readonly steps = new RunSteps()
  readonly #runId: RunId
  // False for a run that began before its reader, and once a part of its usage is in the journal alone.
  #isWhole = false
  #model = ''
  #usage: Usage = zeroUsage
  #usageByModel: readonly ModelUsage[] = []
  #answer: Extract<CommittedEvent, { type: 'message' }> | undefined
  #ended: EndedRun | undefined

  constructor(runId: RunId) {
    this.#runId = runId
  }

  /** Undefined before the end, and for a run of which the events do not tell all. */
  get ended(): EndedRun | undefined {
    return this.#ended
  }

  take(event: RunEvent): void {
    this.steps.take(event)
    switch (event.type) {
      case 'run-start':
        this.#isWhole = event.runId === this.#runId
        return
      case 'history-compact':
        this.#isWhole = false
        return
      case 'run-steer':
        this.#answer = undefined
        return
      case 'model-request':
        this.#model = event.model
        this.#answer = undefined
        return
      case 'message':
        this.#answer = event
        return this.#spend(this.#model, event.usage)
      case 'tool-result':
        for (const { model, usage } of event.usage ?? []) this.#spend(model, usage)
        return
      case 'run-end':
        if (this.#isWhole) this.#end(event)
    }
  }

  #spend(model: string, usage: Usage): void {
    this.#usage = addUsage(this.#usage, usage)
    this.#usageByModel = addModelUsage(this.#usageByModel, model, usage)
  }

  #end({ outcome, failure }: Extract<CommittedEvent, { type: 'run-end' }>): void {
    this.#ended = {
      outcome,
      usage: this.#usage,
      usageByModel: this.#usageByModel,
      ...(this.#answer === undefined ? {} : { message: this.#answer.message, finish: this.#answer.finish }),
      ...(failure === undefined ? {} : { failure }),
    }
  }
}
