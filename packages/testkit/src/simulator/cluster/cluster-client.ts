/** Clients of a cluster: each sends to any node, and sends again, at any node, what may not have arrived. */
import { BeamClawError, type Clock, type QueueMode, type Random } from '@beamclaw/core'
import { integerBetween, pickOne } from '../../seeded-random.ts'
import type { DurableHistory } from '../durable-history.ts'
import type { Trace } from '../trace.ts'
import type { SimulatedNode } from './simulated-node.ts'

const waysToBeBusy: readonly QueueMode[] = ['queue', 'queue', 'queue', 'steer', 'steer', 'collect', 'collect', 'interrupt', 'reject']

/** Refusals that another attempt would only repeat, or that a client takes for an answer. */
const answers: ReadonlySet<string> = new Set(['session-busy', 'mailbox-full', 'call-aborted'])

/** Attempts of one message. */
const mostAttempts = 8

/** A send waits for a session for a minute at most, there and here, and its node may stand still for three times the longest time to live. */
const longestAcceptMs = 120_000 + 45_000 + 5_000

interface Message {
  readonly session: string
  readonly key: string
  readonly content: string
  readonly queueMode: QueueMode
}

export interface ClusterClientOptions {
  readonly random: Random
  readonly clock: Clock
  readonly trace: Trace
  readonly history: DurableHistory
  /** Returns a node that can be called; undefined while there is none. */
  readonly pick: () => SimulatedNode | undefined
}

export class ClusterClient {
  /** For each session, the keys that were acknowledged as durable. */
  readonly accepted = new Map<string, Set<string>>()
  readonly #options: ClusterClientOptions
  readonly #messages: Message[] = []
  readonly #places = new Map<string, number>()
  readonly #open = new Set<string>()
  #calls = 0

  constructor(options: ClusterClientOptions) {
    this.#options = options
  }

  /** What it waits for. */
  get open(): readonly string[] {
    return [...this.#open]
  }

  get sent(): number {
    return this.#messages.length
  }

  keysOf(session: string): readonly string[] {
    return this.#messages.filter((one) => one.session === session).map(({ key }) => key)
  }

  /** Sends a new message, and returns its key. @param nodes default any node */
  send(session: string, nodes?: readonly SimulatedNode[], queueMode?: QueueMode): string {
    const { random } = this.#options
    const key = `message-${this.#messages.length + 1}`
    const content = `${key} ${'y'.repeat(integerBetween(random, 0, 400))}`
    const message = { session, key, content, queueMode: queueMode ?? pickOne(random, waysToBeBusy) }
    this.#messages.push(message)
    for (const node of nodes ?? [this.#options.pick()]) if (node !== undefined) this.#deliver(node, message, 1)
    return key
  }

  /** Sends a message that was sent before once more. @param key default any of the session */
  repeat(session: string, key?: string, node = this.#options.pick()): void {
    const messages = this.#messages.filter((one) => one.session === session && (key === undefined || one.key === key))
    if (messages.length > 0 && node !== undefined) this.#deliver(node, pickOne(this.#options.random, messages), mostAttempts)
  }

  #deliver(node: SimulatedNode, message: Message, attempt: number): void {
    const { trace, clock } = this.#options
    const { running } = node
    const { session, key, content, queueMode } = message
    if (running === undefined) return this.#again(message, attempt)
    trace.add(`send ${key} to ${session} at ${node.id}, ${queueMode}, attempt ${attempt}`)
    const call = ++this.#calls
    const [acceptance, result] = [`${key} at ${node.id}, call ${call}, accepted`, `${key} at ${node.id}, call ${call}, result`]
    const sentAt = clock.monotonic()
    const run = running.session(session).send(content, { idempotencyKey: key, queueMode })
    this.#open.add(acceptance)
    this.#open.add(result)
    const settled = (): void => {
      this.#open.delete(acceptance)
      const took = clock.monotonic() - sentAt
      if (took > longestAcceptMs) trace.fail('I10', `${acceptance}: it took ${took} ms`)
    }
    // The connection to a node that dies is lost.
    const lost = node.ended.then(() => Promise.reject(new BeamClawError('node-gone', 'The node has died')))
    Promise.race([run.accepted, lost]).then(
      ({ status, seq }) => {
        settled()
        this.#hearAccepted(message, node, status, seq)
      },
      (error) => {
        settled()
        const code = codeOf(error)
        trace.add(`${key} was not accepted at ${node.id}: ${code}`)
        if (code === 'idempotency-mismatch') trace.fail('I1', `${key} of ${session} was taken for another message`)
        if (!answers.has(code)) this.#again(message, attempt)
      },
    )
    Promise.race([run.result(), lost]).then(
      () => this.#hearEnd(message, result, 'completed'),
      (error) => this.#hearEnd(message, result, codeOf(error)),
    )
  }

  /** A client that does not know whether its message has arrived sends it again, with the same key. */
  #again(message: Message, attempt: number): void {
    const { random, clock, pick } = this.#options
    if (attempt >= mostAttempts) return
    clock.setTimer(
      () => {
        const node = pick()
        if (node === undefined) this.#again(message, attempt + 1)
        else this.#deliver(node, message, attempt + 1)
      },
      integerBetween(random, 20, 3_000),
    )
  }

  #hearAccepted({ session, key }: Message, node: SimulatedNode, status: string, seq: number): void {
    const { trace, history } = this.#options
    trace.add(`${key} is ${status} at ${node.id}`)
    const records = history.recordsOf(session)
    const isDurable = records.some(({ type, data }) => type === 'message-in' && data.runId === key)
    if (!isDurable) trace.fail('I1', `${key} of ${session} was answered "${status}" before it was durable`)
    const known = this.#places.get(key) ?? seq
    this.#places.set(key, known)
    if (known !== seq) trace.fail('I1', `${key} of ${session} has the receipts ${known} and ${seq}`)
    const keys = this.accepted.get(session)
    if (keys === undefined) this.accepted.set(session, new Set([key]))
    else keys.add(key)
  }

  #hearEnd({ session, key }: Message, result: string, how: string): void {
    const { trace, history } = this.#options
    this.#open.delete(result)
    trace.add(`${key} came to ${how}`)
    if (how !== 'completed') return
    const isDurable = history.recordsOf(session).some(({ type, data }) => type === 'run-end' && data.outcome === 'completed')
    if (!isDurable) trace.fail('I7', `${key} of ${session} has a result, and its journal has no end`)
  }
}

function codeOf(error: unknown): string {
  return BeamClawError.isInstance(error) ? error.code : `${String(error)}, which is no BeamClawError`
}
