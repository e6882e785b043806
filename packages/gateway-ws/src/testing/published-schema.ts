/** The published schema of the protocol, against which the gateway's frames are checked. */
import { ProtocolSchemas } from '@openclaw/gateway-protocol/schema'
import { Compile, type Validator } from 'typebox/compile'

type Name = keyof typeof ProtocolSchemas

/** What each payload must be, for those that the package has a schema of. */
const ofEvent: Readonly<Record<string, Name>> = { chat: 'ChatEvent', agent: 'AgentEvent', tick: 'TickEvent', shutdown: 'ShutdownEvent' }

export class PublishedSchema {
  readonly #validators = new Map<Name, Validator>()

  /** Throws when the frame does not fit the published schema. */
  checkFrame(frame: unknown): void {
    const { type, event, payload, ok } = frame as { type: string; event?: string; payload?: unknown; ok?: boolean }
    this.check(type === 'event' ? 'EventFrame' : 'ResponseFrame', frame)
    const name = event === undefined ? undefined : ofEvent[event]
    if (name !== undefined) this.check(name, payload)
    if (ok === true && (payload as { type?: string } | undefined)?.type === 'hello-ok') this.check('HelloOk', payload)
  }

  check(name: Name, value: unknown): void {
    const validator = this.#validators.get(name) ?? Compile(ProtocolSchemas[name] as never)
    this.#validators.set(name, validator)
    if (validator.Check(value)) return
    throw new Error(
      `not a published ${name}: ${JSON.stringify(validator.Errors(value)).slice(0, 1_000)}\n${JSON.stringify(value).slice(0, 1_000)}`,
    )
  }
}
