/** What this node hears: checks each message, and hands it to whom it is for. */
import { BeamClawError, type ClusterHost, type JsonValue, type Logger, type Member, type NodeRef } from '@beamclaw/core'
import { describeError, toWireError } from '@beamclaw/core/adapter'
import { isolated } from './cluster-failures.ts'
import { type AnswerItem, decodeEnvelope, type Envelope } from './envelope.ts'

/** What an inbox is made of. */
export interface InboxOptions {
  readonly logger: Logger | undefined
  /** Undefined for a node that did not join. */
  readonly host: () => ClusterHost | undefined
  readonly members: () => readonly Member[]
  readonly isUp: () => boolean
  /** Reads the list of members anew. */
  readonly refresh: () => Promise<void>
  readonly onAnswer: (from: string, item: AnswerItem) => void
  /** Sends the answer of a request. */
  readonly reply: (to: string, item: AnswerItem) => void
}

const mostHandled = 10_000
const mostStrangers = 10_000

/**
 * Owns the messages of nodes that are not on the list yet: they wait for the next one, so that a node may speak as soon as it has joined.
 *
 * - I1: `hear` never throws, whatever was published.
 * - I2: messages of one node keep their order.
 * - I3: the host hears members alone.
 */
export class Inbox {
  readonly #options: InboxOptions
  readonly #told = new Set<string>()
  #strangers: Envelope[] = []
  #isRefreshing = false
  #handled = 0

  constructor(options: InboxOptions) {
    this.#options = options
  }

  /** Takes a message of the channel. */
  hear(text: string): void {
    const envelope = decodeEnvelope(text)
    if (typeof envelope === 'string') return this.#drop(envelope)
    if (this.#memberOf(envelope) !== undefined && this.#strangers.every(({ from }) => from !== envelope.from)) return this.#open(envelope)
    if (this.#strangers.length >= mostStrangers) return this.#drop('unknown-sender')
    this.#strangers.push(envelope)
    if (!this.#isRefreshing) void this.#meetStrangers()
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
    const member = this.#memberOf(envelope)
    for (const item of envelope.items) {
      if (item.kind === 'answer' || item.kind === 'error') this.#options.onAnswer(envelope.from, item)
      else if (member === undefined) this.#drop('unknown-sender')
      else if (item.kind === 'tell') this.deliver(item.body, member)
      else void this.handle(item.id, item.body, member).then((answer) => this.#options.reply(envelope.from, answer))
    }
  }

  async #meetStrangers(): Promise<void> {
    this.#isRefreshing = true
    while (this.#strangers.length > 0) {
      const count = this.#strangers.length
      await this.#options.refresh().catch(() => undefined)
      for (const envelope of this.#strangers.splice(0, count)) this.#open(envelope)
    }
    this.#isRefreshing = false
  }

  #memberOf({ from }: Envelope): NodeRef | undefined {
    const member = this.#options.members().find(({ incarnation }) => incarnation === from)
    return member === undefined ? undefined : { id: member.id, incarnation: member.incarnation }
  }

  /** The first of each kind is told: a thousand forged messages are one line in the log. */
  #drop(reason: string): void {
    if (this.#told.has(reason)) return
    this.#told.add(reason)
    this.#options.logger?.log('warn', 'store-redis.message-dropped', { problem: `A message of another node was dropped: ${reason}` })
  }
}
