/** What this node sends: all messages of one tick to one node in one publish, in order. */
import { randomUUID } from 'node:crypto'
import { BeamClawError, type Clock } from '@beamclaw/core'
import type { ClusterNames } from './cluster-names.ts'
import { sendParcelScript } from './cluster-scripts.ts'
import { type EncodedItem, encodeEnvelope, encodeParcelNotice, hasRoom } from './envelope.ts'
import type { RedisReply } from './redis-client.ts'
import type { RedisLink } from './redis-link.ts'

/** What an outbox is made of. */
export interface OutboxOptions {
  readonly link: Pick<RedisLink, 'send' | 'script'>
  readonly names: ClusterNames
  readonly clock: Pick<Clock, 'yieldTo'>
  /** True where the server hands messages on to other servers, and counts only the connections of its own that heard them. */
  readonly hasOtherServers: boolean
}

/** What became of a message: `sent` to so many connections, or not at all, or nothing is known. */
export type Delivery = { readonly receivers: number } | { readonly error: unknown }

/** A message that waits. */
export interface Posted extends EncodedItem {
  /** The incarnation that sends it. */
  readonly from: string
  readonly settle?: (delivery: Delivery) => void
}

interface Line {
  waiting: Posted[]
  bytes: number
  isSending: boolean
}

const mostWaitingBytes = 64 * 1024 * 1024
const mostWaiting = 100_000
/**
 * Several messages together stay below this, and one that is larger goes as a parcel. A server ends a subscription for which it would have to buffer 32 MiB
 * (`client-output-buffer-limit pubsub`), and all that is in the buffer is lost.
 */
const batchBytes = 256 * 1024
/** In characters, of which a batch may have as many as bytes, and the frame a few more. */
const parcelLength = batchBytes + 1024
const keepParcelMs = 60_000

/** Owns the messages that wait, by incarnation. One publish is under way for each: that keeps their order. */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #lines = new Map<string, Line>()
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** Throws `overloaded` when too much waits for the node. */
  post(to: string, item: Posted): void {
    const line = this.#lines.get(to) ?? { waiting: [], bytes: 0, isSending: false }
    if (line.waiting.length > 0 && (line.bytes + item.bytes > mostWaitingBytes || line.waiting.length >= mostWaiting)) {
      throw new BeamClawError('overloaded', `${line.waiting.length} messages wait to be sent to one node. Try again later`, {
        retryAfterMs: 200,
      })
    }
    line.waiting.push(item)
    line.bytes += item.bytes
    this.#lines.set(to, line)
    if (line.isSending) return
    line.isSending = true
    const sending = new Promise<void>((resolve) => this.#options.clock.yieldTo(resolve))
      .then(() => this.#send(to, line))
      .finally(() => this.#underWay.delete(sending))
    this.#underWay.add(sending)
  }

  /** Resolves once what waits now was sent, or was given up. */
  async drain(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  async #send(to: string, line: Line): Promise<void> {
    while (line.waiting.length > 0) {
      const batch = takeBatch(line)
      const { from } = batch[0] as Posted
      const text = encodeEnvelope(from, batch)
      const sending = text.length > parcelLength ? this.#sendParcel(to, from, text) : this.#publish(to, text)
      const delivery = await sending.then(
        // None is not certain where another server may have it heard.
        (receivers): Delivery => ({ receivers: Number(receivers) || Number(this.#options.hasOtherServers) }),
        (error: unknown): Delivery => ({ error }),
      )
      for (const { settle } of batch) settle?.(delivery)
    }
    this.#lines.delete(to)
  }

  #publish(to: string, text: string): Promise<RedisReply> {
    const { link, names } = this.#options
    return link.send('sending to another node', ['PUBLISH', names.channel(to), text])
  }

  #sendParcel(to: string, from: string, text: string): Promise<RedisReply> {
    const { link, names, hasOtherServers } = this.#options
    const id = randomUUID()
    const args = [text, String(keepParcelMs), names.channel(to), encodeParcelNotice(from, id), hasOtherServers ? '1' : '0']
    return link.script('sending to another node', sendParcelScript, [names.parcel(id)], args)
  }
}

/** Takes the messages that fit into one envelope, of one sender: a node has another incarnation after it was cut off. */
function takeBatch(line: Line): readonly Posted[] {
  let bytes = 0
  let count = 0
  for (const item of line.waiting) {
    const isFull = bytes + item.bytes > batchBytes || !hasRoom(bytes, count, item)
    if (count > 0 && (isFull || item.from !== line.waiting[0]?.from)) break
    bytes += item.bytes
    count += 1
  }
  line.bytes -= bytes
  return line.waiting.splice(0, count)
}
