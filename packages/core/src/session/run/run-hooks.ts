/** Calls the hooks of an agent, each with a time limit, and turns their errors into one typed failure. */
import type { Clock } from '@beamclaw/actor'
import type { AgentDefinition } from '../../agent/agent.ts'
import type { AgentHooks, HookRun } from '../../agent/hooks.ts'
import { BeamClawError, describeError } from '../../base/errors.ts'
import type { SessionKey } from '../../base/ids.ts'
import type { Fail } from '../../base/message-check.ts'
import type { JsonValue } from '../../base/messages.ts'
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
  readonly run: Pick<RunState, 'runId' | 'turn'>
  /** As the agent's schema makes it. */
  readonly context: JsonValue | undefined
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
  { agent, sessionKey, run, context, clock, signal }: HookCalls,
  step: Omit<Parameters<NonNullable<AgentHooks[TName]>>[0], 'run'>,
): Promise<Awaited<ReturnType<NonNullable<AgentHooks[TName]>>> | undefined> {
  const hook = agent.hooks[name] as ((step: object) => unknown) | undefined
  if (hook === undefined) return undefined
  const ending = new AbortController()
  const hookRun: HookRun = {
    sessionKey,
    runId: run.runId,
    agentId: agent.id,
    context,
    turn: run.turn,
    signal: ending.signal,
  }
  const called = { hook: name, name: `Hook "${name}" of agent "${agent.id}"` }
  return (await withinTime(called, () => hook.call(agent.hooks, { ...step, run: hookRun }), { clock, signal, ending })) as Awaited<
    ReturnType<NonNullable<AgentHooks[TName]>>
  >
}

/** Reads what a hook returned. Throws `HookFailure` (`hook-failed`: "returned `wrong`") for a wrong value, and for one whose getters or proxies throw. */
export function readReturn<T>(name: keyof AgentHooks, wrong: string, reading: (fail: Fail) => T): T {
  const fail: Fail = (problem) => hookFailure(name, `Hook "${name}" returned ${wrong}: ${problem}`)
  try {
    return reading(fail)
  } catch (error) {
    throw error instanceof HookFailure ? error : fail(`it cannot be read: ${describeError(error)}`)
  }
}

/** User code of an agent. */
interface UserCode {
  /** For programs: the hook, or `system`. */
  readonly hook: string
  /** For people. */
  readonly name: string
}

/** Calls user code of an agent with a time limit. Rejects as `callHook` does. */
export async function withinTime<T>(
  code: UserCode,
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
  const tooLong = (): void => stopped.reject(hookFailure(code.hook, `${code.name} took longer than ${hookTimeoutMs} ms`))
  const timer = clock.setTimer(tooLong, hookTimeoutMs, true)
  try {
    return await Promise.race([call(code, work), stopped.promise])
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', interrupt)
    ending.abort(signal.aborted ? signal.reason : undefined)
  }
}

async function call<T>({ hook, name }: UserCode, work: () => T | PromiseLike<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    // A typed error keeps its code, so that a guardrail can say what it found; it is never tried again by itself.
    if (BeamClawError.isInstance(error)) throw new HookFailure(error)
    throw hookFailure(hook, `${name} failed: ${describeError(error)}`, error)
  }
}

/** Returns the failure of user code that did not say itself what went wrong. */
export function hookFailure(hook: string, message: string, cause?: unknown): HookFailure {
  return new HookFailure(new BeamClawError('hook-failed', message, { cause, details: { hook } }))
}
