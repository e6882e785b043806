/** What this node hears: checks each message, and hands it to whom it is for. */
import { BeamClawError, type ClusterHost, type JsonValue, type Logger, type Member, type NodeRef } from '@beamclaw/core'
import { describeError, toWireError } from '@beamclaw/core/adapter'
import { isolated } from './cluster-failures.ts'
import { type AnswerItem, decodeEnvelope, type Envelope, type ParcelNotice, type Refusal } from './envelope.ts'
import { KeyedQueue } from './keyed-queue.ts'

type DropReason = Refusal | 'unknown-sender' | 'not-fetched'

/** What an inbox is made of. */
export interface InboxOptions {
  readonly logger: Logger | undefined
  /** Undefined for a node that did not join. */
  readonly host: () => ClusterHost | undefined
  readonly members: () => readonly Member[]
  readonly isUp: () => boolean
  /** Reads the list of members anew. */
  readonly refresh: () => Promise<void>
  /** Fetches a message that is kept at the server; undefined when it is not there, or too large. */
  readonly takeParcel: (id: string) => Promise<string | undefined>
  /** The monotonic clock. */
  readonly now: () => number
  readonly onAnswer: (from: string, item: AnswerItem) => void
  /** Sends the answer of a request. */
  readonly reply: (to: string, item: AnswerItem) => void
}

const mostHandled = 10_000
const mostWaiting = 10_000

/**
 * Owns the messages that wait: those of nodes that are not on the list yet wait for the next list, so that a node may speak as soon as it has joined, and
 * those that are kept at the server until they were fetched.
 *
 * - I1: `hear` never throws, whatever was published.
 * - I2: messages of one node keep their order.
 * - I3: the host hears members alone.
 */
export class Inbox {
  readonly #options: InboxOptions
  readonly #turns = new KeyedQueue()
  readonly #told = new Set<DropReason>()
  /** Messages that wait, by sender. */
  readonly #waiting = new Map<string, number>()
  #listedAt = Number.NEGATIVE_INFINITY
  #handled = 0

  constructor(options: InboxOptions) {
    this.#options = options
  }

  /** Takes a message of the channel. */
  hear(text: string): void {
    const envelope = decodeEnvelope(text)
    if (typeof envelope === 'string') return this.#drop(envelope)
    const { from } = envelope
    const waiting = this.#waiting.get(from) ?? 0
    if (waiting === 0 && !('parcel' in envelope) && this.#memberOf(from) !== undefined) return this.#open(envelope)
    if (waiting >= mostWaiting || this.#waiting.size >= mostWaiting) return this.#drop('too-many')
    this.#waiting.set(from, waiting + 1)
    const heardAt = this.#options.now()
    void this.#turns.run(from, () => this.#openLater(envelope, heardAt)).finally(() => this.#left(from))
  }

  /** The list of members is a new one. `askedAt` is when it was asked for, by the monotonic clock. */
  sawMembers(askedAt: number): void {
    this.#listedAt = askedAt
  }

  /** Handles a request of this node or another one; resolves with the item that answers it. */
  async handle(id: string, body: JsonValue, from: NodeRef): Promise<AnswerItem> {
    const host = this.#options.host()
    try {
      if (host === undefined || !this.#options.isUp()) throw isolated(0)
      if (this.#handled >= mostHandled) throw new BeamClawError('overloaded', 'The node answers too many requests', { retryAfterMs: 200 })
      this.#handled += 1
      try {
        return { kind: 'answer', id, body: await host.onRequest(body, from) }
      } finally {
        this.#handled -= 1
      }
    } catch (error) {
      if (!BeamClawError.isInstance(error)) {
        this.#options.logger?.log('error', 'store-redis.request-failed', { from: from.id, problem: describeError(error) })
      }
      return { kind: 'error', id, body: toWireError(error) }
    }
  }

  /** Hands what needs no answer to the host. */
  deliver(body: JsonValue, from: NodeRef): void {
    if (!this.#options.isUp()) return
    try {
      this.#options.host()?.onTell(body, from)
    } catch (error) {
      this.#options.logger?.log('error', 'store-redis.tell-failed', { from: from.id, problem: describeError(error) })
    }
  }

  #open(envelope: Envelope): void {
    const member = this.#memberOf(envelope.from)
    for (const item of envelope.items) {
      if (item.kind === 'answer' || item.kind === 'error') this.#options.onAnswer(envelope.from, item)
      else if (member === undefined) this.#drop('unknown-sender')
      else if (item.kind === 'tell') this.deliver(item.body, member)
      else void this.handle(item.id, item.body, member).then((answer) => this.#options.reply(envelope.from, answer))
    }
  }

  async #openLater(envelope: Envelope | ParcelNotice, heardAt: number): Promise<void> {
    try {
      // A node is listed before it can speak: a later list need not be waited for.
      if (this.#memberOf(envelope.from) === undefined && this.#listedAt <= heardAt) await this.#options.refresh().catch(() => undefined)
      if (!('parcel' in envelope)) return this.#open(envelope)
      const text = await this.#options.takeParcel(envelope.parcel)
      const content = text === undefined ? 'malformed' : decodeEnvelope(text)
      if (typeof content === 'string') this.#drop(content)
      else if ('parcel' in content || content.from !== envelope.from) this.#drop('malformed')
      else this.#open(content)
    } catch {
      this.#drop('not-fetched')
    }
  }

  #left(from: string): void {
    const waiting = this.#waiting.get(from) ?? 0
    if (waiting > 1) this.#waiting.set(from, waiting - 1)
    else this.#waiting.delete(from)
  }

  #memberOf(from: string): NodeRef | undefined {
    const member = this.#options.members().find(({ incarnation }) => incarnation === from)
    return member === undefined ? undefined : { id: member.id, incarnation: member.incarnation }
  }

  /** The first of each kind is told: a thousand forged messages are one line in the log. */
  #drop(reason: DropReason): void {
    if (this.#told.has(reason)) return
    this.#told.add(reason)
    this.#options.logger?.log('warn', 'store-redis.message-dropped', { problem: `A message of another node was dropped: ${reason}` })
  }
}
