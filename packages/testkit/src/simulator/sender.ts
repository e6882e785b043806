/** Sends messages, some of them twice, and records the replies. */
import { BeamClawError, type QueueMode, type Random, type RunningBeamClaw } from '@beamclaw/core'
import { integerBetween, pickOne } from '../seeded-random.ts'
import type { DurableHistory } from './durable-history.ts'
import type { Trace } from './trace.ts'

const waysToBeBusy: readonly QueueMode[] = ['queue', 'queue', 'steer', 'steer', 'collect', 'collect', 'collect', 'interrupt', 'reject']

export interface SenderOptions {
  readonly random: Random
  readonly trace: Trace
  readonly history: DurableHistory
}

export class Sender {
  /** For each session, the keys that were acknowledged as durable. */
  readonly accepted = new Map<string, Set<string>>()
  readonly #options: SenderOptions
  readonly #sent: { readonly session: string; readonly key: string }[] = []
  #open = 0

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** Messages whose result it waits for. */
  get open(): number {
    return this.#open
  }

  /** Messages it has sent, each counted once. */
  get sent(): number {
    return this.#sent.length
  }

  /** The keys it has used in a session, oldest first, accepted or not. */
  keysOf(session: string): readonly string[] {
    return this.#sent.filter((one) => one.session === session).map(({ key }) => key)
  }

  /** Sends a new message. @param queueMode default any of them */
  send(running: RunningBeamClaw, session: string, queueMode: QueueMode = pickOne(this.#options.random, waysToBeBusy)): void {
    const key = `message-${this.#sent.length + 1}`
    this.#sent.push({ session, key })
    this.#deliver(running, session, key, queueMode)
  }

  /** Sends a message that it has sent before once more. @param key default any of the session */
  repeat(running: RunningBeamClaw, session: string, key?: string): void {
    const keys = key === undefined ? this.keysOf(session) : [key]
    if (keys.length > 0) this.#deliver(running, session, pickOne(this.#options.random, keys), 'queue')
  }

  /** Sends another message under a key that is durable: it must not be taken for the first message. */
  mismatch(running: RunningBeamClaw, session: string): void {
    const { random, trace } = this.#options
    const keys = [...(this.accepted.get(session) ?? [])]
    if (keys.length === 0) return
    const key = pickOne(random, keys)
    trace.add(`send something else as ${key} to ${session}`)
    running
      .session(session)
      .send('something else', { idempotencyKey: key })
      .accepted.then(
        ({ status }) => trace.fail('I1', `something else that was sent as ${key} of ${session} is ${status}`),
        (error) => trace.add(`something else as ${key} was refused: ${codeOf(error)}`),
      )
  }

  /** Asks for the result of a message long after it was sent. */
  followLate(running: RunningBeamClaw, session: string, key: string): void {
    this.#open++
    running
      .session(session)
      .follow(key)
      .result()
      .then(
        () => this.#hearEnd(session, key, 'completed'),
        (error) => this.#hearEnd(session, key, codeOf(error)),
      )
  }

  #deliver(running: RunningBeamClaw, session: string, key: string, queueMode: QueueMode): void {
    const { random, trace } = this.#options
    trace.add(`send ${key} to ${session}, ${queueMode}`)
    const content = `${key} ${'y'.repeat(integerBetween(random, 0, 400))}`
    const run = running.session(session).send(content, { idempotencyKey: key, queueMode })
    run.accepted.then(
      ({ status }) => this.#hearAccepted(session, key, status),
      (error) => trace.add(`${key} was not accepted: ${codeOf(error)}`),
    )
    this.#open++
    run.result().then(
      () => this.#hearEnd(session, key, 'completed'),
      (error) => this.#hearEnd(session, key, codeOf(error)),
    )
  }

  #hearAccepted(session: string, key: string, status: string): void {
    const { trace, history } = this.#options
    trace.add(`${key} is ${status}`)
    const isDurable = history.recordsOf(session).some(({ type, data }) => type === 'message-in' && data.runId === key)
    if (!isDurable) trace.fail('I1', `${key} of ${session} was answered "${status}" before it was durable`)
    const known = this.accepted.get(session)
    if (known === undefined) this.accepted.set(session, new Set([key]))
    else known.add(key)
  }

  #hearEnd(session: string, key: string, how: string): void {
    const { trace, history } = this.#options
    this.#open--
    trace.add(`${key} came to ${how}`)
    if (how !== 'completed') return
    const isDurable = history.recordsOf(session).some(({ type, data }) => type === 'run-end' && data.outcome === 'completed')
    if (!isDurable) trace.fail('I7', `${key} of ${session} has a result, and its journal has no end`)
  }
}

function codeOf(error: unknown): string {
  return BeamClawError.isInstance(error) ? error.code : `${String(error)}, which is no BeamClawError`
}
