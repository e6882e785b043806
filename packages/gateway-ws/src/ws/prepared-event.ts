/** An event, made into text once for everybody who hears it. */
import { type EventName, eventScopes, hasScope } from '@beamclaw/protocol'

export class PreparedEvent {
  readonly name: EventName
  /** Only clients that connected with this cap hear it. */
  readonly cap: string | undefined
  readonly #head: string
  // Those who hear it usually have heard equally many before.
  #seq = -1
  #text = ''

  constructor(name: EventName, payload: object, cap?: string) {
    this.name = name
    this.cap = cap
    this.#head = `{"type":"event","event":"${name}","payload":${JSON.stringify(payload)},"seq":`
  }

  /** The frame, for a connection that has heard `seq - 1` events. */
  frame(seq: number): string {
    if (seq !== this.#seq) {
      this.#seq = seq
      this.#text = `${this.#head}${seq}}`
    }
    return this.#text
  }

  mayBeHeardBy(scopes: readonly string[], caps: readonly string[]): boolean {
    const scope = eventScopes[this.name]
    return (scope === undefined || hasScope(scopes, scope)) && (this.cap === undefined || caps.includes(this.cap))
  }
}
