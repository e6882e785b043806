/** Calls the hooks of an agent, each with a time limit, and turns their errors into one typed failure. */
import type { AgentDefinition } from '../../agent/agent.ts'
import type { AgentHooks, HookRun } from '../../agent/hooks.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey } from '../../base/ids.ts'
import type { Fail } from '../../base/message-check.ts'
import type { Clock } from '../../ports/services.ts'
import type { RunState } from '../state/run-state.ts'

/** Maximum milliseconds of a hook. */
const hookTimeoutMs = 60_000

/** A failure in the user code of an agent: the run fails with `error`. */
export class HookFailure extends Error {
  readonly error: BeamClawError

  constructor(error: BeamClawError) {
    super(error.message, { cause: error })
    this.error = error
  }
}

export interface HookCalls {
  readonly agent: AgentDefinition
  readonly sessionKey: SessionKey
  readonly run: Pick<RunState, 'runId' | 'context' | 'turn'>
  readonly clock: Clock
  /** Aborted when the step is interrupted. */
  readonly signal: AbortSignal
}

/**
 * Calls one hook. Resolves with its return value; undefined when the agent has no such hook. Rejects with `HookFailure` when the hook throws or takes
 * too long, and with the signal's reason when the step is interrupted first.
 */
export async function callHook<TName extends keyof AgentHooks>(
  name: TName,
  { agent, sessionKey, run, clock, signal }: HookCalls,
  step: Omit<Parameters<NonNullable<AgentHooks[TName]>>[0], 'run'>,
): Promise<Awaited<ReturnType<NonNullable<AgentHooks[TName]>>> | undefined> {
  const hook = agent.hooks[name] as ((step: object) => unknown) | undefined
  if (hook === undefined) return undefined
  const ending = new AbortController()
  const hookRun: HookRun = {
    sessionKey,
    runId: run.runId,
    agentId: agent.id,
    context: run.context,
    turn: run.turn,
    signal: ending.signal,
  }
  return (await withinTime(`Hook "${name}" of agent "${agent.id}"`, () => hook.call(agent.hooks, { ...step, run: hookRun }), {
    clock,
    signal,
    ending,
  })) as Awaited<ReturnType<NonNullable<AgentHooks[TName]>>>
}

/** Reads what a hook returned. Throws `HookFailure` (`hook-failed`: "returned `wrong`") for a wrong value, and for one whose getters or proxies throw. */
export function readReturn<T>(name: keyof AgentHooks, wrong: string, reading: (fail: Fail) => T): T {
  const fail: Fail = (problem) => new HookFailure(new BeamClawError('hook-failed', `Hook "${name}" returned ${wrong}: ${problem}`))
  try {
    return reading(fail)
  } catch (error) {
    throw error instanceof HookFailure ? error : fail(`it cannot be read: ${describeError(error)}`)
  }
}

/** Calls user code of an agent with a time limit; `name` describes the code in errors. Rejects as `callHook` does. */
export async function withinTime<T>(
  name: string,
  work: () => T | PromiseLike<T>,
  {
    clock,
    signal,
    ending = new AbortController(),
  }: { readonly clock: Clock; readonly signal: AbortSignal; readonly ending?: AbortController },
): Promise<T> {
  signal.throwIfAborted()
  const stopped = Promise.withResolvers<never>()
  const interrupt = (): void => stopped.reject(signal.reason)
  signal.addEventListener('abort', interrupt, { once: true })
  const tooLong = (): void => stopped.reject(failure(`${name} took longer than ${hookTimeoutMs} ms`, undefined))
  const timer = clock.setTimer(tooLong, hookTimeoutMs, true)
  try {
    return await Promise.race([call(name, work), stopped.promise])
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', interrupt)
    ending.abort(signal.aborted ? signal.reason : undefined)
  }
}

async function call<T>(name: string, work: () => T | PromiseLike<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw failure(`${name} failed: ${describeError(error)}`, error)
  }
}

/** A typed error keeps its code, so that a guardrail can report its finding. The session never retries it. */
function failure(message: string, cause: unknown): HookFailure {
  return new HookFailure(BeamClawError.isInstance(cause) ? cause : new BeamClawError('hook-failed', message, { cause }))
}
