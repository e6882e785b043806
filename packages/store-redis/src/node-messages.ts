/** Requests and tells of one node: what it asks, what it answers, and what goes by without an answer. */
import type { Clock, ClusterHost, JsonValue, Logger, Member, NodeRef } from '@beamclaw/core'
import { describeError, toWireError } from '@beamclaw/core/adapter'
import type { ClusterNames } from './cluster-names.ts'
import { takeParcelScript } from './cluster-scripts.ts'
import { type AnswerItem, type EncodedItem, encodeItem, type Item, maxEnvelopeBytes } from './envelope.ts'
import { Inbox } from './inbox.ts'
import type { Membership } from './membership.ts'
import { type Delivery, Outbox } from './outbox.ts'
import type { RedisLink } from './redis-link.ts'
import { Requests } from './requests.ts'

/** What the messages of a node are made of. */
export interface NodeMessagesOptions {
  readonly link: RedisLink
  readonly names: ClusterNames
  readonly clock: Clock
  readonly logger: Logger | undefined
  readonly membership: Pick<Membership, 'life' | 'isUp' | 'self' | 'members' | 'refresh'>
  readonly host: () => ClusterHost | undefined
  readonly hasOtherServers: boolean
}

/** Joins the requests that wait, what is sent and what is heard. */
export class NodeMessages {
  readonly #options: NodeMessagesOptions
  readonly #requests: Requests
  readonly #outbox: Outbox
  readonly #inbox: Inbox
  readonly #told = new Set<string>()

  constructor(options: NodeMessagesOptions) {
    this.#options = options
    const { membership, logger, host } = options
    this.#requests = new Requests(options.clock)
    this.#outbox = new Outbox(options)
    this.#inbox = new Inbox({
      logger,
      host,
      members: () => membership.members,
      isUp: () => membership.isUp,
      refresh: () => membership.refresh(),
      takeParcel: (id) => this.#takeParcel(id),
      now: () => options.clock.monotonic(),
      onAnswer: (from, item) => this.#requests.answered(from, item),
      reply: (to, item) => this.#reply(to, item),
    })
  }

  /** Takes a message of this node's channel. */
  hear(text: string): void {
    this.#inbox.hear(text)
  }

  /** Resolves and rejects as `Cluster.request`; `node-isolated` for a node that is cut off itself. */
  async request(node: NodeRef, body: JsonValue, timeoutMs: number): Promise<JsonValue> {
    const { self } = this.#options.membership.life
    const { id, answer } = this.#requests.begin(node, timeoutMs)
    try {
      if (node.incarnation === self.incarnation) this.#askSelf(id, body, self)
      else this.#post(node.incarnation, self, { kind: 'ask', id, body }, (delivery) => this.#requests.delivered(id, delivery))
    } catch (error) {
      this.#requests.fail(id, error)
    }
    return await answer
  }

  tell(node: NodeRef, body: JsonValue): void {
    const { membership, clock } = this.#options
    try {
      const { self } = membership.life
      if (node.incarnation !== self.incarnation) return this.#post(node.incarnation, self, { kind: 'tell', body })
      const copy = bodyIn(encodeItem({ kind: 'tell', body }))
      clock.yieldTo(() => this.#inbox.deliver(copy, self))
    } catch (error) {
      this.#drop('store-redis.tell-dropped', error)
    }
  }

  sawMembers(members: readonly Member[], askedAt: number): void {
    this.#inbox.sawMembers(askedAt)
    this.#requests.sawMembers(members, askedAt)
  }

  /** Rejects the requests that wait. */
  abandon(reason: string): void {
    this.#requests.abandon(reason)
  }

  /** Resolves once what waits was sent. */
  async stop(): Promise<void> {
    this.abandon('this node has stopped')
    await this.#outbox.drain()
  }

  #askSelf(id: string, body: JsonValue, self: NodeRef): void {
    const copy = bodyIn(encodeItem({ kind: 'ask', id, body }))
    void this.#inbox.handle(id, copy, self).then((item) => {
      const { kind, encoded } = encodeAnswer(item)
      this.#requests.answered(self.incarnation, { kind, id, body: bodyIn(encoded) })
    })
  }

  #reply(to: string, item: AnswerItem): void {
    try {
      this.#outbox.post(to, { ...encodeAnswer(item).encoded, from: this.#options.membership.self.incarnation })
    } catch (error) {
      this.#drop('store-redis.answer-dropped', error)
    }
  }

  /** Tells the logger once of each kind: there may be thousands. */
  #drop(event: string, error: unknown): void {
    if (this.#told.has(event)) return
    this.#told.add(event)
    this.#options.logger?.log('warn', event, { problem: describeError(error) })
  }

  async #takeParcel(id: string): Promise<string | undefined> {
    const { link, names } = this.#options
    const text = await link.script('fetching a message', takeParcelScript, [names.parcel(id)], [String(maxEnvelopeBytes)])
    return typeof text === 'string' ? text : undefined
  }

  #post(to: string, self: NodeRef, item: Item, settle?: (delivery: Delivery) => void): void {
    this.#outbox.post(to, { ...encodeItem(item), from: self.incarnation, ...(settle === undefined ? {} : { settle }) })
  }
}

/** Returns an answer as text; an error that says why where the answer cannot be sent. */
function encodeAnswer(item: AnswerItem): { readonly kind: AnswerItem['kind']; readonly encoded: EncodedItem } {
  try {
    return { kind: item.kind, encoded: encodeItem(item) }
  } catch (error) {
    return { kind: 'error', encoded: encodeItem({ kind: 'error', id: item.id, body: toWireError(error) }) }
  }
}

/** Returns the body as another node would get it. */
function bodyIn({ text }: EncodedItem): JsonValue {
  return (JSON.parse(text) as { readonly b: JsonValue }).b
}
