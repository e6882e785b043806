/** The way to the server: a deadline for each command, a wait for the connection, and a check of each new connection before it is used. */
import { BeamClawError, type Clock } from '@beamclaw/core'
import { noAnswer, notReached, redisFailure, refusedConnection, replyCode } from './failures.ts'
import { type Guard, GuardedScripts, otherStore } from './guarded-script.ts'
import { NotConnectedError, type RedisClient, type RedisReply, type RedisScript, type RedisWord, type SendOptions } from './redis-client.ts'

/** The commands that a check may use before the connection counts as good. */
export type BareClient = Pick<RedisClient, 'send' | 'script'>

/** What a link is made of. */
export interface LinkOptions {
  readonly client: RedisClient
  /** The address for messages, without a password. */
  readonly where: string
  readonly deadlineMs: number
  readonly clock: Pick<Clock, 'setTimer'>
  /** Returns the store that scripts write to, once a check has found it. @default scripts write unguarded */
  readonly guard?: () => Guard
  /** Rejects with a BeamClawError for a server that must not be used; called again for the next command then. */
  readonly check: (bare: BareClient) => Promise<void>
}

interface Connection {
  check: Promise<void> | undefined
}

interface Call {
  isOver: boolean
  isSent: boolean
  readonly mayRepeat: boolean
}

const pauseMs = 20

/**
 * Phases: `new → waiting ⇄ connected → stopped`, and `leaving` before that, in which nothing waits for a connection. Owns the client.
 *
 * - I1: a command that writes is sent at most once, on a connection that was checked; one that was not sent waits for a connection until its deadline. One
 *   that only reads is sent again after its connection was lost.
 * - I2: nothing is sent for a call whose deadline has passed.
 * - I3: every rejection is a BeamClawError.
 * - I4: a script of a guarded link writes to the store that was there at the first connection, or nothing.
 */
export class RedisLink {
  readonly #options: LinkOptions
  #connection: Connection | undefined
  #arrival = Promise.withResolvers<void>()
  readonly #guarded = new GuardedScripts()
  #trouble: unknown
  #isLeaving = false
  #removeListener: (() => void) | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    this.#arrival.promise.catch(() => undefined)
  }

  /** Sends a command that writes; `doing` says what for, in messages. */
  send(doing: string, command: readonly RedisWord[]): Promise<RedisReply> {
    return this.#within(doing, { mayRepeat: false }, () => this.#options.client.send(command))
  }

  /** Runs a script that writes. */
  script(doing: string, script: RedisScript, keys: readonly string[], args: readonly RedisWord[]): Promise<RedisReply> {
    const { client, guard } = this.#options
    return this.#within(doing, { mayRepeat: false }, () => {
      if (guard === undefined) return client.script(script, keys, args)
      const { key, id } = guard()
      return client.script(this.#guarded.of(script), [...keys, key], [...args, id])
    })
  }

  /** Sends a command that only reads. */
  read(doing: string, command: readonly RedisWord[], options?: SendOptions): Promise<RedisReply> {
    return this.#within(doing, { mayRepeat: true }, () => this.#options.client.send(command, options))
  }

  /** Runs a script that only reads. */
  readScript(doing: string, script: RedisScript, keys: readonly string[], args: readonly RedisWord[]): Promise<RedisReply> {
    return this.#within(doing, { mayRepeat: true }, () => this.#options.client.script(script, keys, args))
  }

  /** Hears a channel. Resolves once its messages arrive, with the function that ends that. */
  async subscribe(doing: string, channel: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    const state: { isOver: boolean; end?: () => Promise<void> } = { isOver: false }
    const subscribing = this.#within(doing, { mayRepeat: true }, async () => {
      state.end = await this.#options.client.subscribe(channel, listener)
      if (state.isOver) await state.end()
      return null
    })
    await subscribing.catch((error: unknown) => {
      state.isOver = true
      throw error
    })
    return async () => {
      const end = async (): Promise<null> => {
        await state.end?.()
        return null
      }
      await this.#within('closing a channel', { mayRepeat: true }, end)
    }
  }

  /** Rejects what waits for a connection, and from now on what would have to: where the server is away, no one hears a farewell. */
  leave(): void {
    this.#isLeaving = true
    this.#arrival.reject(this.#awayNow())
  }

  async stop(): Promise<void> {
    this.#removeListener?.()
    await this.#options.client.stop()
  }

  async #within(doing: string, { mayRepeat }: { readonly mayRepeat: boolean }, work: () => Promise<RedisReply>): Promise<RedisReply> {
    const { deadlineMs, clock, where } = this.#options
    const call = { isOver: false, isSent: false, mayRepeat }
    const expired = Promise.withResolvers<never>()
    const timer = clock.setTimer(() => {
      call.isOver = true
      expired.reject(call.isSent ? noAnswer(doing, deadlineMs) : notReached(where, doing, deadlineMs, this.#trouble))
    }, deadlineMs)
    try {
      return await Promise.race([this.#attempt(call, work), expired.promise])
    } catch (error) {
      throw redisFailure(error, doing, this.#options.client.keyPrefix)
    } finally {
      call.isOver = true
      timer.cancel()
    }
  }

  async #attempt(call: Call, work: () => Promise<RedisReply>): Promise<RedisReply> {
    for (;;) {
      const connection = this.#connection
      try {
        if (connection === undefined) await this.#nextConnection()
        else await this.#checked(connection)
        // The deadline has rejected the call already.
        if (call.isOver) return null
        if (connection === undefined || connection !== this.#connection) continue
        call.isSent = true
        return await work()
      } catch (error) {
        // The check says what is there.
        if (replyCode(error) === otherStore) await this.#options.check(this.#options.client)
        if (error instanceof NotConnectedError) this.#lost(connection, error.cause)
        else if (replyCode(error) === 'LOADING' || (call.mayRepeat && isLostConnection(error))) await this.#pause()
        else throw error
        call.isSent = false
      }
    }
  }

  #checked(connection: Connection): Promise<void> {
    connection.check ??= this.#options.check(this.#options.client).catch((error: unknown) => {
      connection.check = undefined
      // No command of the caller was sent yet.
      throw isLostConnection(error) ? new NotConnectedError('The connection was lost', { cause: error }) : error
    })
    return connection.check
  }

  #awayNow(): BeamClawError {
    return notReached(this.#options.where, 'leaving', 0, this.#trouble)
  }

  #nextConnection(): Promise<void> {
    if (this.#isLeaving) throw this.#awayNow()
    const { promise } = this.#arrival
    this.#removeListener ??= this.#options.client.onReconnect((trouble) => this.#changed(trouble))
    return promise
  }

  #changed(trouble: unknown): void {
    if (trouble === undefined) {
      this.#connection = { check: undefined }
      this.#arrival.resolve()
    } else {
      this.#trouble = trouble
      const refusal = refusedConnection(this.#options.where, trouble)
      if (this.#connection !== undefined || refusal === undefined) return
      this.#arrival.reject(refusal)
    }
    this.#arrival = Promise.withResolvers()
    this.#arrival.promise.catch(() => undefined)
  }

  #lost(connection: Connection | undefined, cause: unknown): void {
    this.#trouble = cause ?? this.#trouble
    if (this.#connection === connection) this.#connection = undefined
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}

/** True for what no server said, and no check of ours: the client has lost the connection. */
function isLostConnection(error: unknown): boolean {
  return !BeamClawError.isInstance(error) && replyCode(error) === undefined
}
