/** The load of a soak: messages to sessions, and a model that mostly answers well. */

import type { QueueMode, Random } from '@beamclaw/core'
import type { ModelAnswer, ReceivedRequest } from '@beamclaw/testkit/model-server'
import { integerBetween, pickOne } from '@beamclaw/testkit/simulator'
import { toolModel } from '../lab/drill.ts'
import type { SoakProcess } from './soak-process.ts'

export interface Asked {
  readonly session: string
  readonly text: string
  readonly key: string
  readonly queueMode: QueueMode
}

const words = ['hello', 'charge', 'lookup'] as const
const modes = ['queue', 'queue', 'steer', 'collect', 'interrupt'] as const satisfies readonly QueueMode[]
/** An answer that takes longer was lost. */
const longestAnswerMs = 90_000
const senders = 32
/** Number of latest messages that may be repeated: below the number of runs that a session remembers. */
const recent = 400

export class SoakLoad {
  readonly asked: Asked[] = []
  readonly problems: string[] = []
  answers = 0
  readonly #random: Random
  readonly #sessions: number
  #commands = 0

  constructor(random: Random, sessions: number) {
    this.#random = random
    this.#sessions = sessions
  }

  /** Sends messages, as many at once as there are senders, until `isOver` says so or the process ends. */
  async run(agent: SoakProcess, isOver: () => boolean): Promise<void> {
    await Promise.all(
      Array.from({ length: senders }, async () => {
        while (!isOver() && !agent.hasEnded) await this.send(agent, this.#next(), this.#chance(0.05))
      }),
    )
  }

  /** Sends each of the messages, some at once, and waits for the answers. */
  async sendAll(agent: SoakProcess, messages: readonly Asked[]): Promise<void> {
    const rest = [...messages]
    await Promise.all(
      Array.from({ length: senders }, async () => {
        for (let message = rest.pop(); message !== undefined; message = rest.pop()) await this.send(agent, message, false)
      }),
    )
  }

  /** A message that every session gets. */
  greeting(index: number): Asked {
    const message: Asked = {
      session: sessionName(index),
      text: `hello ${this.#commands++}`,
      key: `greeting-${this.#commands}`,
      queueMode: 'queue',
    }
    this.asked.push(message)
    return message
  }

  async send(agent: SoakProcess, { session, text, key, queueMode }: Asked, isAborted: boolean): Promise<void> {
    const answer = agent.ask(`c${this.#commands++}`, { do: 'send', session: `agent:main:${session}`, text, key, queueMode })
    if (isAborted) void agent.ask(`c${this.#commands++}`, { do: 'abort', session: `agent:main:${session}`, key })
    const deadline = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => deadline.resolve('late'), longestAnswerMs)
    const line = await Promise.race([answer, deadline.promise])
    clearTimeout(timer)
    if (line === 'late') this.problems.push(`no answer to "${text}" in ${session} within ${longestAnswerMs / 1_000} s`)
    else if (line !== undefined) this.answers++
  }

  /** Returns the model's answer to a request. */
  readonly answer = (request: ReceivedRequest): ModelAnswer => {
    const answer = toolModel(request)
    const roll = this.#random.next()
    if (roll < 0.02) return { error: { status: 500 } }
    if (roll < 0.04) return { error: { status: 429, headers: { 'retry-after': '1' } } }
    if (roll < 0.06) return { ...answer, delivery: { disconnectAfterEvents: 1 } }
    if (roll < 0.07) return { ...answer, delivery: { malformedAfterEvents: 1 } }
    if (roll < 0.08) return { ...answer, delivery: { stall: 1 } }
    if (roll < 0.3) return { ...answer, delivery: { firstByteDelayMs: integerBetween(this.#random, 1, 300) } }
    return answer
  }

  #next(): Asked {
    const { asked } = this
    if (asked.length > 0 && this.#chance(0.1))
      return asked[integerBetween(this.#random, Math.max(0, asked.length - recent), asked.length - 1)] as Asked
    const key = `m${asked.length}`
    const session = sessionName(integerBetween(this.#random, 0, this.#sessions - 1))
    const message: Asked = { session, text: `${pickOne(this.#random, words)} ${key}`, key, queueMode: pickOne(this.#random, modes) }
    asked.push(message)
    return message
  }

  #chance(part: number): boolean {
    return this.#random.next() < part
  }
}

function sessionName(index: number): string {
  return `soak-${index}`
}
