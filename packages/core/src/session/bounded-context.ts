/** Checks the context of a message with its agent's schema, which is user code: it may throw, take for ever, or be overtaken by an end. */
import type { ActorRef, Clock } from '@beamclaw/actor'
import type { AgentDefinition } from '../agent/agent.ts'
import { BeamClawError, describeError } from '../base/errors.ts'
import type { Fail } from '../base/message-check.ts'
import type { JsonValue } from '../base/messages.ts'
import { parsedContext } from './run/run-context.ts'
import { HookFailure, withinTime } from './run/run-hooks.ts'

export interface ContextBounds {
  readonly clock: Clock
  /** The supervisor of the sessions: when it ends, so does the wait. */
  readonly sessions: Pick<ActorRef<never>, 'monitor'>
  /** The signal of the message. */
  readonly signal: AbortSignal | undefined
}

const refused: Fail = (problem) => new BeamClawError('invalid-message', `send: context: ${problem}`)

/**
 * Resolves with the context as the agent's schema returns it. Rejects with `invalid-message` when the schema refuses it or fails, `hook-failed` when it
 * takes longer than a minute, `call-aborted` when the signal is aborted first, and `actor-not-running` when the sessions end first.
 */
export async function boundedContext(
  agent: AgentDefinition,
  context: JsonValue | undefined,
  { clock, sessions, signal }: ContextBounds,
): Promise<JsonValue | undefined> {
  const ending = new AbortController()
  const onAbort = (): void => ending.abort(new BeamClawError('call-aborted', 'send: the signal was aborted', { cause: signal?.reason }))
  const forget = sessions.monitor(() => {
    ending.abort(new BeamClawError('actor-not-running', 'The sessions ended while the context of a message was checked; send it again'))
  })
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const asked = { hook: 'context', name: `The context schema of agent "${agent.id}"` }
    return await withinTime(asked, () => parsed(agent, context), { clock, signal: ending.signal })
  } catch (error) {
    throw error instanceof HookFailure ? error.error : error
  } finally {
    forget()
    signal?.removeEventListener('abort', onAbort)
  }
}

async function parsed(agent: AgentDefinition, context: JsonValue | undefined): Promise<JsonValue | undefined> {
  try {
    return await parsedContext(agent, context, refused)
  } catch (error) {
    throw BeamClawError.isInstance(error) ? error : refused(`the schema of agent "${agent.id}" failed: ${describeError(error)}`)
  }
}
