/** Brings one sub-agent to its end: starts its run, follows it and those that its own sub-agents cause, tells its parent, and cleans up. */
import type { Clock, Logger, TimerHandle } from '@beamclaw/actor'
import { definedOnly } from '@beamclaw/actor/internal'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { RunId } from '../base/ids.ts'
import { modelUsageOf } from '../base/message-check.ts'
import { addModelUsage, type ModelUsage } from '../base/messages.ts'
import { firstCharacters } from '../base/well-formed.ts'
import type { PartHost } from '../part/part.ts'
import { exceedsBudget } from './run-budget.ts'
import type { SubAgentEntry } from './sub-agent-entry.ts'
import { noticeKey, noticeText } from './sub-agent-notice.ts'
import type { SubAgentSettings } from './sub-agent-options.ts'
import { type SubAgentEnd, statusOfStop } from './sub-agent-record.ts'

/** Milliseconds until a failed attempt is repeated; doubled each time, up to the longest. */
const firstRetryMs = 1_000
const longestRetryMs = 60_000

/** Characters of an answer that are kept and told. */
const keptCharacters = 16_000

/** Failures that another attempt would only repeat. */
const lasting: ReadonlySet<string> = new Set([
  ...['unknown-agent', 'unknown-session', 'unknown-run', 'invalid-message', 'invalid-option', 'invalid-session-key', 'document-too-large'],
  ...['hook-failed', 'log-corrupt', 'log-too-new', 'unknown-model', 'idempotency-mismatch'],
])

/** What a run of the sub-agent has come to. */
type RunEnd = Pick<SubAgentEnd, 'answer' | 'failure' | 'usageByModel'> & { readonly outcome: 'completed' | 'failed' | 'aborted' }

export interface ChildRunOptions {
  readonly host: PartHost
  readonly settings: SubAgentSettings
  readonly entry: SubAgentEntry
  /** Returns the sub-agents that this one has spawned. */
  readonly children: () => readonly SubAgentEntry[]
  /** True for a parent that will not read messages any more. */
  readonly isParentEnding: () => boolean
  /** Ends what this one has spawned, without telling it. */
  readonly endChildren: () => void
  /** Asks for the end of this one. */
  readonly stop: (reason: 'budget') => void
}

/**
 * Phases: `working → done`, or `closed` at any time. Owns the timers of its repeats.
 * I1: Its message is sent under one key, so that it runs once. I2: Its end is durable before it is told, and the parent's message is durable before the document
 * says that it was told: a crash in between tells it again under the same key. I3: Its session is deleted after it was told.
 */
export class ChildRun {
  readonly #options: ChildRunOptions
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #timers = new Set<TimerHandle>()
  #isClosed = false

  constructor(options: ChildRunOptions) {
    this.#options = options
    this.#clock = options.host.services.clock
    this.#logger = options.host.services.logger
  }

  /** Goes on from where the record stands. Resolves when the sub-agent is settled, and never once it is closed. */
  async work(): Promise<void> {
    const { entry } = this.#options
    if (!entry.hasEnded) {
      const end = await this.#repeat(() => this.#run())
      entry.change({ type: 'ended', end, at: this.#clock.now() })
    }
    await this.#repeat(() => entry.document.save())
    entry.ended.resolve()
    if (entry.record.notice === 'due') {
      await this.#repeat(() => this.#tell())
      entry.change({ type: 'told' })
      await this.#repeat(() => entry.document.save())
    }
    if (entry.record.cleanup === 'delete' && !entry.record.isClean) {
      await this.#repeat(() => this.#clean())
      entry.change({ type: 'clean' })
      await this.#repeat(() => entry.document.save())
    }
  }

  /** What is not done now is done by the next incarnation. */
  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) timer.cancel()
    this.#timers.clear()
  }

  /** Resolves with what `work` does, as soon as it succeeds. Does not settle once this is closed. */
  async #repeat<T>(work: () => Promise<T>): Promise<T> {
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(longestRetryMs, retryMs * 2)) {
      try {
        if (!this.#isClosed) {
          const done = await work()
          if (!this.#isClosed) return done
        }
      } catch (error) {
        if (!this.#isClosed) {
          const { id } = this.#options.entry
          this.#logger.log('warn', 'sub-agent.retry', { subAgent: id, error: describeError(error), retryAfterMs: retryMs })
        }
      }
      if (this.#isClosed) return new Promise(() => {})
      await this.#pause(retryMs)
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(
        () => {
          this.#timers.delete(timer)
          resolve()
        },
        ms,
        true,
      )
      this.#timers.add(timer)
    })
  }

  /** Resolves with the end of the sub-agent. Rejects where another attempt may succeed. */
  async #run(): Promise<SubAgentEnd> {
    const { entry } = this.#options
    const first = runIdOf(entry)
    try {
      if (entry.record.status === 'starting') await this.#begin(first)
    } catch (error) {
      if (!BeamClawError.isInstance(error) || !lasting.has(error.code)) throw error
      return this.#endOf({ outcome: 'failed', failure: { code: error.code, message: error.message }, usageByModel: [] })
    }
    let last = await this.#follow(first)
    const usage = [last.usageByModel]
    const followed = new Set<string>()
    let isWaiting = false
    while (last.outcome === 'completed' && !entry.stopping.signal.aborted) {
      const children = this.#options.children()
      const told = children.find(({ id, isSettled, record }) => isSettled && record.notice === 'done' && !followed.has(id))
      if (told !== undefined) {
        followed.add(told.id)
        const next = await this.#follow(noticeKey(told))
        usage.push(next.usageByModel)
        if (next.failure?.code !== 'unknown-run') last = next
        continue
      }
      const left = children.filter(({ isSettled }) => !isSettled)
      isWaiting = left.length > 0
      if (!isWaiting) break
      await Promise.race([...left.map(({ settled }) => settled.promise), whenAborted(entry.stopping.signal)])
    }
    if (last.outcome !== 'completed' || entry.stopping.signal.aborted) await this.#endChildren()
    const own = this.#options.children().flatMap(({ record }) => record.end?.usageByModel ?? [])
    // It was stopped while it waited for its own: what it has said is not its answer.
    const outcome = isWaiting && last.outcome === 'completed' ? 'aborted' : last.outcome
    return this.#endOf({ ...last, outcome, usageByModel: summed([...usage.flat(), ...own]) })
  }

  #endOf({ outcome, answer, failure, usageByModel }: RunEnd): SubAgentEnd {
    const { stop } = this.#options.entry.record
    const isStopped = outcome === 'aborted' || failure?.code === 'unknown-run'
    if (isStopped && stop !== undefined) return { status: statusOfStop(stop), usageByModel }
    if (outcome === 'aborted') return { status: 'cancelled', usageByModel }
    return { status: outcome, usageByModel, ...definedOnly({ answer, failure }) }
  }

  /** Sends the task, unless it is to be ended already. A repeat has the same key: a message that an earlier try has sent is not sent again. */
  async #begin(runId: RunId): Promise<void> {
    const { entry, host } = this.#options
    const { sessionKey, task, label, tools, parent, stop } = entry.record
    if (stop !== undefined) return
    const session = host.session(sessionKey)
    await session.configure({ allowedTools: tools, label: label ?? `sub-agent of ${parent.sessionKey}`.slice(0, 256) })
    const context = parent.context === undefined ? {} : { context: parent.context }
    await session.send(task, { idempotencyKey: runId, ...context }).accepted
    entry.change({ type: 'started' })
    await entry.document.save()
  }

  /** Resolves with the end of a run of the sub-agent's session, which is aborted when the sub-agent is to be ended. Rejects when that cannot be told now. */
  async #follow(runId: RunId): Promise<RunEnd> {
    const { entry, host } = this.#options
    const session = host.session(entry.record.sessionKey)
    const { signal } = entry.stopping
    const abort = (): void => void this.#repeat(() => session.abort(runId).catch(ignoreLasting))
    if (signal.aborted) await session.abort(runId).catch(ignoreLasting)
    else signal.addEventListener('abort', abort, { once: true })
    try {
      const run = session.follow(runId)
      const { maxTurns, maxTokens } = entry.record
      if (maxTurns !== undefined || maxTokens !== undefined) void this.#watchBudget(run)
      const { text, usageByModel } = await run.result()
      return { outcome: 'completed', answer: firstCharacters(text, keptCharacters), usageByModel }
    } catch (error) {
      return failedRun(error)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async #watchBudget(run: Parameters<typeof exceedsBudget>[0]): Promise<void> {
    try {
      if ((await exceedsBudget(run, this.#options.entry.record)) && !this.#isClosed) this.#options.stop('budget')
    } catch {
      // What went wrong with the run is told by its result.
    }
  }

  /** Ends its own sub-agents, and runs that their messages have begun just before: no caller would read them. */
  async #endChildren(): Promise<void> {
    const { entry, host, children, endChildren } = this.#options
    endChildren()
    await Promise.all(children().map(({ ended }) => ended.promise))
    const session = host.session(entry.record.sessionKey)
    for (const child of children()) await session.abort(noticeKey(child.record)).catch(ignoreLasting)
  }

  /** Resolves once the parent has the message, or cannot have it. Rejects where another attempt may succeed. */
  async #tell(): Promise<void> {
    const { entry, host, settings, isParentEnding } = this.#options
    const { parent } = entry.record
    if (isParentEnding()) return entry.change({ type: 'silenced' })
    try {
      const session = host.session(parent.sessionKey)
      // A message would begin a deleted session again.
      if (!(await session.exists())) throw new BeamClawError('unknown-session', 'The parent does not exist any more')
      // A sub-agent that waits for its own has a run for each of them: it adds up what they take.
      const queueMode = entry.record.depth > 1 ? 'queue' : settings.queueMode
      const context = parent.context === undefined ? {} : { context: parent.context }
      await session.send(noticeText(entry.view), { idempotencyKey: noticeKey(entry.record), queueMode, ...context }).accepted
    } catch (error) {
      // An earlier attempt was accepted.
      if (BeamClawError.isInstance(error, 'idempotency-mismatch')) return
      if (!BeamClawError.isInstance(error) || !lasting.has(error.code)) throw error
      entry.change({ type: 'silenced' })
      if (this.#isClosed) return
      this.#logger.log('warn', 'sub-agent.parent-gone', { subAgent: entry.id, session: parent.sessionKey, reason: describeError(error) })
    }
  }

  async #clean(): Promise<void> {
    try {
      await this.#options.host.session(this.#options.entry.record.sessionKey).delete()
    } catch (error) {
      ignoreLasting(error)
    }
  }
}

/** Returns the key of the message that begins a sub-agent. */
function runIdOf({ id }: { readonly id: string }): RunId {
  return `sub:${id}` as RunId
}

/** Returns the end of a run that has no result. Throws what says nothing of the run. */
function failedRun(error: unknown): RunEnd {
  if (!BeamClawError.isInstance(error)) throw error
  const { code, message, details } = error
  if (code === 'unknown-run' || code === 'unknown-session') {
    return { outcome: 'failed', failure: { code: 'unknown-run', message: 'Its run is not known any more' }, usageByModel: [] }
  }
  if (details?.usageByModel === undefined) throw error
  const usageByModel = modelUsageOf(details.usageByModel, 'usageByModel', (problem) => new Error(problem))
  if (code === 'run-aborted') return { outcome: 'aborted', usageByModel }
  return { outcome: 'failed', failure: { code, message }, usageByModel }
}

function ignoreLasting(error: unknown): void {
  if (!BeamClawError.isInstance(error) || !lasting.has(error.code)) throw error
}

function summed(all: readonly ModelUsage[]): readonly ModelUsage[] {
  return all.reduce((sum: readonly ModelUsage[], { model, usage }) => addModelUsage(sum, model, usage), [])
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
