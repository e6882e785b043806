/** The actor of one server in one tenant: it has a connection once something needs one, and crashes when that is lost. */
import { Actor } from '@beamclaw/core'
import { type ConnectionParts, McpConnection } from './mcp-connection.ts'
import { unavailable } from './mcp-errors.ts'

/** What an actor is made of. */
export interface ServerActorParts extends Omit<ConnectionParts, 'onToolsChanged'> {
  /** Shared by all incarnations of the actor. */
  readonly use: ServerUse
  readonly onToolsChanged: (connection: McpConnection) => void
}

/** What one incarnation leaves to the next. */
export interface ServerUse {
  /** Whether a connection was there: the next incarnation makes it again, and waits for no call. */
  isConnected: boolean
  /** Why the last one is gone. */
  problem: string | undefined
}

type Phase =
  | { readonly name: 'idle' }
  | { readonly name: 'connecting'; readonly connection: Promise<McpConnection>; readonly end: AbortController }
  | { readonly name: 'connected'; readonly connection: McpConnection }
  | { readonly name: 'over' }

/** What the actor is told: that its connection is gone, which ends it. */
interface Lost {
  readonly error: Error
}

/**
 * Phases: `idle` → `connecting` → `connected` → `over`; `idle` ends in `over` as well.
 *
 * Owns its connection, and with it the process of a program: none is left when the actor is gone, also after a kill.
 *
 * I1  There is at most one connection, and one attempt to make it.
 * I2  A connection that is lost, or was not made, crashes the actor: its supervisor decides when there is another.
 */
export class ServerActor extends Actor<Lost> {
  readonly #parts: ServerActorParts
  #phase: Phase = { name: 'idle' }

  constructor(parts: ServerActorParts) {
    super()
    this.#parts = parts
  }

  protected override init(): void {
    this.monitor(() => this.#release())
    if (this.#parts.use.isConnected) this.connection().catch(() => undefined)
  }

  protected override handle({ error }: Lost): never {
    throw error
  }

  protected override async onStop(): Promise<void> {
    const phase = this.#phase
    this.#phase = { name: 'over' }
    if (phase.name === 'connected') await phase.connection.close()
    if (phase.name === 'connecting') phase.end.abort(unavailable(this.#parts.name, 'it is being stopped.'))
  }

  /** Resolves with the connection; makes it first when there is none. Rejects `mcp-unavailable`. */
  connection(): Promise<McpConnection> {
    const phase = this.#phase
    switch (phase.name) {
      case 'connected':
        return Promise.resolve(phase.connection)
      case 'connecting':
        return phase.connection
      case 'over':
        return Promise.reject(unavailable(this.#parts.name, 'it is being stopped.'))
      case 'idle': {
        const end = new AbortController()
        const connection = this.#connect(end.signal)
        this.#phase = { name: 'connecting', connection, end }
        return connection
      }
    }
  }

  /** Ends the connection that the server has forgotten; the next call gets a new one. */
  forget(why: string): void {
    this.#lost(why)
  }

  async #connect(signal: AbortSignal): Promise<McpConnection> {
    const { use, onToolsChanged } = this.#parts
    try {
      const connection = await McpConnection.open(
        { ...this.#parts, onToolsChanged: () => void (this.#phase.name === 'connected' && onToolsChanged(this.#phase.connection)) },
        (why) => this.#lost(why),
        signal,
      )
      if (this.#phase.name === 'over') {
        connection.kill()
        throw unavailable(this.#parts.name, 'it is being stopped.')
      }
      this.#phase = { name: 'connected', connection }
      use.isConnected = true
      use.problem = undefined
      return connection
    } catch (error) {
      // Not again before something needs it: a program that cannot start would be started for ever.
      use.isConnected = false
      use.problem = (error as Error).message
      this.#crash(error as Error)
      throw error
    }
  }

  #lost(why: string): void {
    this.#parts.use.problem = `${why}.`
    this.#crash(unavailable(this.#parts.name, `${why}.`))
  }

  #crash(error: Error): void {
    if (this.#phase.name === 'over') return
    this.#release()
    if (this.isAlive) this.cast({ error })
  }

  #release(): void {
    const phase = this.#phase
    this.#phase = { name: 'over' }
    if (phase.name === 'connected') phase.connection.kill()
    if (phase.name === 'connecting') phase.end.abort(unavailable(this.#parts.name, 'it is being stopped.'))
  }
}
