/** A member of a group at this node, and how it is called. */
import type { ActorRef, Clock } from '@beamclaw/actor'
import { guardedRead, invalidOption } from '@beamclaw/actor/internal'
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
    if (!member.isAlive) throw new BeamClawError('actor-not-running', `Actor "${member.id}" is not running`)
    return {
      call: (message, timeoutMs) => member.call(message, { timeoutMs }),
      cast: (message, onFailure) => void (async () => member.cast(message))().catch(onFailure),
      monitor: (onEnd) => member.monitor(onEnd),
    }
  }
  if (typeof member?.handle !== 'function')
    throw invalidOption('ProcessGroups.join', 'member', 'an ActorRef, or an object with handle', member)
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

/** Returns a copy of a value. Throws `invalid-message` for what is no JSON, `message-too-large`, and `invalid-option` for what cannot be read. */
export function groupCopy(what: 'message' | 'reply', value: unknown): JsonValue {
  try {
    return JSON.parse(encodeJson(value, maxBytes))
  } catch (cause) {
    if (BeamClawError.isInstance(cause, 'document-too-large'))
      throw new BeamClawError('message-too-large', `The ${what} has more than ${maxBytes} bytes`)
    const problem = guardedRead('ProcessGroups', what, () => jsonProblemOf(value, what))
    throw new BeamClawError('invalid-message', `The ${what} is not JSON: ${problem}`, {
      cause,
    })
  }
}

function isRef(member: ActorRef | GroupHandler): member is ActorRef {
  const { call, cast, monitor } = (member ?? {}) as Partial<ActorRef>
  return [call, cast, monitor].every((method) => typeof method === 'function')
}

async function within(clock: Clock, timeoutMs: number, work: Promise<unknown>): Promise<unknown> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = (): void => reject(new BeamClawError('call-timeout', `A member of the group sent no reply within ${timeoutMs} ms`))
  const timer = clock.setTimer(late, timeoutMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    timer.cancel()
  }
}
