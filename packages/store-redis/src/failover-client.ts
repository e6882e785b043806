/** A connection to whichever server is the primary now, in the form of one client of node-redis. */
import type { NodeRedisLike } from './node-redis-client.ts'
import type { HostAndPort } from './redis-address.ts'
import { NotConnectedError } from './redis-client.ts'

/** What the connection is made of. */
export interface FailoverOptions {
  /** Resolves with the servers that are named as primary now, the likeliest first. */
  readonly search: () => Promise<readonly HostAndPort[]>
  /** Resolves with whether a server calls itself a primary. */
  readonly isPrimary: (server: HostAndPort) => Promise<boolean>
  /** Returns a client for one server that gives up when it loses its connection. */
  readonly clientOf: (server: HostAndPort) => NodeRedisLike
  readonly delayBefore: (attempt: number) => number
  /** Ends what the searches have opened. */
  readonly close?: () => void
}

/** Milliseconds between two looks for another primary. */
const watchMs = 1_000

type Listener = (message: string) => void

/** A server that is no primary, or not that of the slot, has refused the command, and not run it. */
const refusedByOther = /^(?:READONLY|MOVED|CLUSTERDOWN|MASTERDOWN)\b|-READONLY\b/

/**
 * Phases: `new → searching ⇄ ready → destroyed`. Owns the client of the moment.
 *
 * - I1: `ready` is told for each server that was found, after it called itself a primary, and after it knows the channels.
 * - I2: a command is sent once, to the server of the moment. One that a server refused because it is not the primary rejects `NotConnectedError`, and the search begins anew.
 * - I3: a connection that is up is left once another server is named that calls itself a primary: in a planned failover the one before stays up, and takes writes that are
 *   lost.
 * - I4: the search goes on, with growing pauses, until a primary is found or the client is destroyed. Each failure is told as `error`.
 */
export class FailoverClient implements NodeRedisLike {
  readonly #options: FailoverOptions
  readonly #ready = new Set<() => void>()
  readonly #errors = new Set<(error?: unknown) => void>()
  readonly #channels = new Map<string, Set<Listener>>()
  #phase: 'new' | 'searching' | 'ready' | 'destroyed' = 'new'
  #client: NodeRedisLike | undefined
  #lose: ((error: unknown) => void) | undefined
  #wake: (() => void) | undefined

  constructor(options: FailoverOptions) {
    this.#options = options
  }

  get isOpen(): boolean {
    return this.#phase === 'searching' || this.#phase === 'ready'
  }

  get isReady(): boolean {
    return this.#phase === 'ready' && this.#client?.isReady === true
  }

  /** Resolves once the first primary is found. */
  async connect(): Promise<void> {
    if (this.#phase !== 'new') throw new Error('The client was connected already')
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#phase = 'searching'
    void this.#keep(resolve).then(() => reject(new Error('The client was destroyed')))
    await promise
  }

  async sendCommand(words: readonly (string | Buffer)[], options?: object): Promise<unknown> {
    const client = this.#client
    if (client === undefined || !this.isReady) throw new NotConnectedError('There is no connection to a primary')
    try {
      return await client.sendCommand(words, options)
    } catch (error) {
      if (!(error instanceof Error && refusedByOther.test(error.message))) throw error
      this.#leave(client, error)
      throw new NotConnectedError('The server is not the primary', { cause: error })
    }
  }

  /** Rejects while there is no connection; a channel that was heard before is heard again at the next primary. */
  async subscribe(channel: string, listener: Listener): Promise<void> {
    const client = this.#client
    if (client === undefined || !this.isReady) throw new Error('There is no connection to a primary')
    await client.subscribe(channel, listener)
    const listeners = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, listeners.add(listener))
    if (client !== this.#client) throw new Error('The connection was lost')
  }

  async unsubscribe(channel: string, listener: Listener): Promise<void> {
    const listeners = this.#channels.get(channel)
    listeners?.delete(listener)
    if (listeners?.size === 0) this.#channels.delete(channel)
    if (this.isReady) await this.#client?.unsubscribe(channel, listener)
  }

  duplicate(): NodeRedisLike {
    const { close: _, ...shared } = this.#options
    return new FailoverClient(shared)
  }

  destroy(): void {
    this.#phase = 'destroyed'
    this.#wake?.()
    this.#leave(this.#client)
    this.#options.close?.()
  }

  on(event: 'ready' | 'error' | 'terminated', listener: (error?: unknown) => void): this {
    if (event === 'ready') this.#ready.add(listener)
    else if (event === 'error') this.#errors.add(listener)
    return this
  }

  off(event: 'ready' | 'error' | 'terminated', listener: (error?: unknown) => void): this {
    if (event === 'ready') this.#ready.delete(listener)
    else this.#errors.delete(listener)
    return this
  }

  async #keep(onFirst: () => void): Promise<void> {
    for (let attempt = 0; this.isOpen; ) {
      try {
        const { lost } = await this.#enter()
        attempt = 0
        onFirst()
        for (const listener of [...this.#ready]) listener()
        await lost
      } catch (error) {
        this.#fail(error)
      }
      if (!this.isOpen) return
      this.#phase = 'searching'
      await this.#pause(this.#options.delayBefore(attempt++))
    }
  }

  /** Resolves once a primary is connected, with a promise that rejects when the connection is lost. */
  async #enter(): Promise<{ readonly lost: Promise<never> }> {
    let failure: unknown
    for (const server of await this.#options.search()) {
      if (!this.isOpen) throw new Error('The client was destroyed')
      try {
        return await this.#connectTo(server)
      } catch (error) {
        failure ??= error
      }
    }
    throw failure
  }

  async #connectTo(server: HostAndPort): Promise<{ readonly lost: Promise<never> }> {
    const client = this.#options.clientOf(server)
    const lost = Promise.withResolvers<never>()
    lost.promise.catch(() => undefined)
    client.on('error', (error) => lost.reject(error))
    client.on('terminated', (error) => lost.reject(error))
    this.#client = client
    this.#lose = lost.reject
    try {
      await Promise.race([client.connect(), lost.promise])
      await Promise.race([checkIsPrimary(client, server), lost.promise])
      for (const [channel, listeners] of this.#channels) for (const listener of listeners) await client.subscribe(channel, listener)
      if (!this.isOpen) throw new Error('The client was destroyed')
    } catch (error) {
      this.#leave(client, error)
      throw error
    }
    this.#phase = 'ready'
    void this.#watch(client, server)
    return { lost: lost.promise }
  }

  /** Looks whether another server has become the primary, as long as this connection is the one of the moment. */
  async #watch(client: NodeRedisLike, server: HostAndPort): Promise<void> {
    for (;;) {
      await new Promise<void>((resolve) => void setTimeout(resolve, watchMs).unref())
      if (client !== this.#client || this.#phase !== 'ready') return
      try {
        const [named] = await this.#options.search()
        if (named === undefined || isSame(named, server) || !(await this.#options.isPrimary(named))) continue
        return this.#leave(client, new Error(`The primary is ${named.host}:${named.port} now`))
      } catch {
        // None that can be asked knows of another one.
      }
    }
  }

  #leave(client: NodeRedisLike | undefined, error: unknown = new Error('The client was destroyed')): void {
    if (client === undefined || client !== this.#client) return
    this.#client = undefined
    this.#lose?.(error)
    if (client.isOpen) client.destroy()
  }

  #fail(error: unknown): void {
    this.#leave(this.#client, error)
    if (this.#phase !== 'destroyed') for (const listener of [...this.#errors]) listener(error)
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

function isSame(a: HostAndPort, b: HostAndPort): boolean {
  return a.host === b.host && a.port === b.port
}

/** True for the reply to ROLE of a server that is a primary. */
export function isPrimaryRole(role: unknown): boolean {
  return Array.isArray(role) && String(role[0]) === 'master'
}

async function checkIsPrimary(client: NodeRedisLike, { host, port }: HostAndPort): Promise<void> {
  if (isPrimaryRole(await client.sendCommand(['ROLE']))) return
  throw new Error(`The server ${host}:${port} was named as primary, but is none yet`)
}
