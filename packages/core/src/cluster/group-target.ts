/** A member of a group at this node, and how it is called. */
import type { ActorRef, Clock } from '@beamclaw/actor'
import { describeValue, isThenable } from '@beamclaw/actor/internal'
import { BeamClawError } from '../base/errors.ts'
import { jsonProblemOf } from '../base/json-problem.ts'
import type { JsonValue } from '../base/messages.ts'
import { encodeJson } from '../defaults/json-text.ts'

/** A member that is no actor: messages are handled beside each other. */
export interface GroupHandler {
  /** Returns the reply, or a promise of it: JSON, or undefined. */
  handle(message: JsonValue): unknown
}

/** What a group knows of a member at this node. */
export interface GroupTarget {
  call(message: JsonValue, timeoutMs: number): Promise<unknown>
  cast(message: JsonValue, onFailure: (error: unknown) => void): void
  /** Calls back when the member ends by itself. Returns what cancels that. */
  monitor(onEnd: () => void): () => void
}

/** Maximum UTF-8 bytes of a message and of a reply. */
const maxBytes = 1_048_576

/** Returns what calls the member. Throws `invalid-option`, and `actor-not-running` for an actor that has ended. */
export function groupTarget(member: ActorRef | GroupHandler, clock: Clock): GroupTarget {
  if (isRef(member)) {
    if (!member.isAlive) throw new BeamClawError('actor-not-running', `Actor "${member.id}" is not running, so it cannot join a group`)
    return {
      call: (message, timeoutMs) => member.call(message, { timeoutMs }),
      cast: (message, onFailure) => attempt(() => member.cast(message), onFailure),
      monitor: (onEnd) => member.monitor(onEnd),
    }
  }
  if (typeof member?.handle !== 'function') {
    const problem = `ProcessGroups.join: the member must be an ActorRef, or an object with handle(message), received ${describeValue(member)}`
    throw new BeamClawError('invalid-option', problem)
  }
  // Later, so that a sender here sees no more of it than one at another node.
  const handle = async (message: JsonValue): Promise<unknown> => {
    await undefined
    return member.handle(message)
  }
  return {
    call: (message, timeoutMs) => within(clock, timeoutMs, handle(message)),
    cast: (message, onFailure) => void handle(message).catch(onFailure),
    monitor: () => () => {},
  }
}

/** Returns a value as JSON text. Throws `invalid-message` for what is no JSON, and `message-too-large`. */
export function groupText(what: 'message' | 'reply', value: unknown): string {
  try {
    return encodeJson(value, maxBytes)
  } catch (cause) {
    if (BeamClawError.isInstance(cause, 'document-too-large'))
      throw new BeamClawError('message-too-large', `The ${what} has more than ${maxBytes} bytes, so it cannot go to another node`)
    throw new BeamClawError('invalid-message', `The ${what} is not JSON, so it cannot go to another node: ${problemOf(what, value)}`, {
      cause,
    })
  }
}

function problemOf(what: string, value: unknown): string {
  try {
    return jsonProblemOf(value, what) ?? `${what} cannot be encoded`
  } catch {
    return `${what} cannot be read`
  }
}

function isRef(member: ActorRef | GroupHandler): member is ActorRef {
  const { call, cast, monitor } = (member ?? {}) as Partial<ActorRef>
  return [call, cast, monitor].every((method) => typeof method === 'function')
}

function attempt(act: () => unknown, onFailure: (error: unknown) => void): void {
  try {
    const result = act()
    if (isThenable(result)) Promise.resolve(result).catch(onFailure)
  } catch (error) {
    onFailure(error)
  }
}

async function within(clock: Clock, timeoutMs: number, work: Promise<unknown>): Promise<unknown> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = (): void =>
    reject(
      new BeamClawError('call-timeout', `A member of the group did not reply within ${timeoutMs} ms; whether it did the work is unknown`),
    )
  const timer = clock.setTimer(late, timeoutMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    timer.cancel()
  }
}
