/** How a worker reaches a shard, wherever it is at the moment. */
import { BeamClawError, type Clock, type ErrorCode, type JsonValue, type NodeRef } from '@beamclaw/core'
import { hasCode } from './error-codes.ts'
import { type ShardServer, shardCall } from './shard-calls.ts'
import type { ShardNetwork } from './shard-network.ts'

/** Milliseconds that the owner of a shard has for one call. It is dead sooner: the parent ends a worker that stands still. */
const answerWithinMs = 30_000

/** Milliseconds between two looks for the owner of a shard that is on its way, when no change of the map tells of it. */
const lookEveryMs = 50

export interface ShardCallerOptions {
  readonly network: ShardNetwork
  readonly server: ShardServer
  readonly clock: Pick<Clock, 'setTimer' | 'monotonic'>
  /** Milliseconds that a call waits for a shard that no worker serves. */
  readonly waitMs: number
  readonly isStopped: () => boolean
}

/** What a call brought, and who answered it. */
export interface ShardReply {
  readonly value: JsonValue | undefined
  readonly by: NodeRef
}

/** Codes that a store of one shard never has: they say how the way there was. */
const wayCodes: ReadonlySet<ErrorCode> = new Set(['node-gone', 'call-timeout', 'node-isolated', 'moved', 'unknown-message'])

export class ShardCaller {
  readonly #options: ShardCallerOptions
  #onChange: (() => void)[] = []

  constructor(options: ShardCallerOptions) {
    this.#options = options
    options.network.onChange(() => {
      for (const go of this.#onChange.splice(0)) go()
    })
  }

  /**
   * Resolves with what the owner of the shard replies, waiting for one. `isRepeatable`: may be asked again when it is unknown whether it was carried out. Rejects
   * as the store of the shard does, and `store-io`, which can be tried again, when it was not reached.
   */
  async call(shard: number, method: string, args: readonly unknown[], isRepeatable: boolean): Promise<ShardReply> {
    const { network, clock, waitMs } = this.#options
    const body = shardCall(shard, method, args)
    const until = clock.monotonic() + waitMs
    for (;;) {
      const owner = network.ownerOf(shard)
      let failure = new BeamClawError('node-gone', `No worker has shard ${shard} now`, { details: { isUndelivered: true } })
      if (owner !== undefined) {
        try {
          return { value: await this.#ask(owner, body), by: owner }
        } catch (error) {
          if (!hasCode(error, wayCodes)) throw error
          failure = error
        }
      }
      const mayRepeat = isRepeatable || isUntouched(failure)
      if (!mayRepeat || !network.isOpen || clock.monotonic() > until || this.#options.isStopped()) throw notReached(shard, failure)
      await this.#change()
    }
  }

  /** Asks the worker that has a handle: no other one knows it. */
  async callAt(owner: NodeRef, shard: number, method: string, args: readonly unknown[]): Promise<JsonValue | undefined> {
    try {
      return await this.#ask(owner, shardCall(shard, method, args))
    } catch (error) {
      throw hasCode(error, wayCodes) ? notReached(shard, error) : error
    }
  }

  async #ask(owner: NodeRef, body: JsonValue): Promise<JsonValue | undefined> {
    const { network, server } = this.#options
    const isOwn = owner.incarnation === network.self.incarnation
    const reply = isOwn ? await server.carryOut(body, owner) : await network.ask(owner, body, answerWithinMs)
    return (reply as { readonly value?: JsonValue }).value
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(resolve, lookEveryMs)
      this.#onChange.push(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

/** True when it is certain that the call was not carried out. */
function isUntouched(error: BeamClawError): boolean {
  return error.code === 'moved' || error.code === 'unknown-message' || error.details.isUndelivered === true
}

function notReached(shard: number, cause: unknown): BeamClawError {
  return new BeamClawError('store-io', `The worker that has shard ${shard} was not reached. Try again`, { cause, isRetryable: true })
}
