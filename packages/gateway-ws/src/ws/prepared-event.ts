/** An event as JSON text, encoded once for all connections that receive it. */
import { type EventName, type EventPayload, events } from '@beamclaw/protocol'

/** The part of a connection's grant that decides about events. */
export interface EventGrant {
  readonly held: ReadonlySet<string>
  readonly caps: readonly string[]
}

export interface PreparedEventOptions {
  readonly name: string
  /** Only connections that hold this scope receive it. */
  readonly scope: string | undefined
  readonly payload: unknown
  /** Only clients that connected with this cap receive it. */
  readonly cap?: string | undefined
}

export class PreparedEvent {
  readonly #scope: string | undefined
  readonly #cap: string | undefined
  readonly #head: string
  // Caches the last frame, because most receivers are at the same `seq`.
  #seq = -1
  #text = ''

  /** Throws the error of `JSON.stringify`. */
  constructor({ name, scope, payload, cap }: PreparedEventOptions) {
    this.#scope = scope
    this.#cap = cap
    this.#head = `{"type":"event","event":"${name}","payload":${JSON.stringify(payload) ?? 'null'},"seq":`
  }

  /** Returns the frame for a connection whose last event had `seq - 1`. */
  frame(seq: number): string {
    if (seq !== this.#seq) {
      this.#seq = seq
      this.#text = `${this.#head}${seq}}`
    }
    return this.#text
  }

  mayBeHeardBy({ held, caps }: EventGrant): boolean {
    return (this.#scope === undefined || held.has(this.#scope)) && (this.#cap === undefined || caps.includes(this.#cap))
  }
}

/** Returns an event of every gateway, for the connections with its scope and `cap`. */
export function builtInEvent<E extends EventName>(name: E, payload: EventPayload<E>, cap?: string): PreparedEvent {
  return new PreparedEvent({ name, scope: scopeOf(events[name]), payload, cap })
}

function scopeOf(definition: object): string | undefined {
  return 'scope' in definition ? (definition.scope as string) : undefined
}
