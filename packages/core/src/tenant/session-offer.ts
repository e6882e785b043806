/** The request by which a node offers sessions to another one, and the reply. What arrives may be of another version. Pure. */
import { BeamClawError } from '../base/errors.ts'
import { parseSessionKey, type SessionKey } from '../base/ids.ts'
import type { JsonValue } from '../base/messages.ts'

/** The type of the request. */
export const offerType = 'sessions.offer'

/** Sessions in one offer. */
const mostOffered = 10_000

export interface SessionOffer {
  /** The load of the node that offers. */
  readonly load: number
  readonly sessions: readonly (readonly [tenant: string, key: SessionKey])[]
}

export function offerOf(load: number, sessions: SessionOffer['sessions']): JsonValue {
  return { type: offerType, load, sessions: sessions.map(([tenant, key]) => [tenant, key]) }
}

/** Returns the offer of another node. Throws `unknown-message`, and `invalid-session-key` for the key of no session. */
export function readOffer(body: JsonValue): SessionOffer {
  const { load, sessions } = (body ?? {}) as { readonly load?: JsonValue; readonly sessions?: JsonValue }
  if (typeof load !== 'number' || !Number.isFinite(load) || !Array.isArray(sessions) || sessions.length > mostOffered) throw unreadable()
  const named = (session: JsonValue): readonly [string, SessionKey] => {
    const [tenant, key] = Array.isArray(session) ? session : []
    if (typeof tenant !== 'string') throw unreadable()
    return [tenant, parseSessionKey(key)]
  }
  return { load, sessions: sessions.map(named) }
}

/** Returns the numbers of the sessions that another node takes, as its reply has them; none for a reply that cannot be read. */
export function readTaken(reply: JsonValue): ReadonlySet<number> {
  const { taken } = (reply ?? {}) as { readonly taken?: JsonValue }
  return new Set(Array.isArray(taken) ? taken.filter((index) => typeof index === 'number') : [])
}

function unreadable(): BeamClawError {
  return new BeamClawError('unknown-message', 'Another node has offered sessions in a way that this one cannot read')
}
