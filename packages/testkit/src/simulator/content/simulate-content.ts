/** Simulates a BeamClaw with unexpected input from callers, providers, tools and disks, all derived from one seed. */

import {
  BeamClaw,
  BeamClawError,
  type Clock,
  defaultTenant,
  defineAgent,
  defineTool,
  type Logger,
  type Provider,
  type ProviderPart,
  type Random,
  type RunningBeamClaw,
  SoloCluster,
  type ToolOutput,
  toolResult,
  type UserMessage,
  zeroUsage,
} from '@beamclaw/core'
import { partTree } from '@beamclaw/core/testing'
import { integerBetween, pickOne, seededRandom } from '../../seeded-random.ts'
import { sequentialIds } from '../../sequential-ids.ts'
import { breathe, VirtualClock } from '../virtual-clock.ts'
import { endlessAnswer, endlessOutput } from './endless.ts'
import { OddError, oddValue, spoiled } from './odd-values.ts'
import { SpoiledStore } from './spoiled-store.ts'

export interface SimulateContentOptions {
  /** A whole number; the same one gives the same life. */
  readonly seed: number
  /** Things that happen. @default 60 */
  readonly steps?: number
}

/** The result of a simulation in which every invariant held. */
export interface ContentReport {
  readonly seed: number
  /** Messages that were accepted, and that were refused at the door. */
  readonly accepted: number
  readonly refused: number
  readonly starts: number
}

/** An unexpected value affected another session than its own. The message names the seed. */
class ContentFailure extends Error {
  override readonly name = 'ContentFailure'

  constructor(seed: number, what: string, cause?: unknown) {
    super(`seed ${seed}: only its own session may notice what is odd: ${what}`, { cause })
  }
}

const witness = 'agent:main:witness'
const victims = ['agent:main:a', 'agent:main:b', 'agent:main:c']

const goodContents: readonly UserMessage['content'][] = [
  'hello',
  [{ type: 'text', text: 'hello' }],
  [
    { type: 'text', text: 'look' },
    { type: 'image', mediaType: 'image/png', data: 'AAAA' },
  ],
  [{ type: 'image', mediaType: 'image/png', data: 'A'.repeat(8_000) }],
]

const goodAnswers: readonly (readonly ProviderPart[])[] = [
  [
    { type: 'text-delta', text: 'one ' },
    { type: 'text-delta', text: 'two' },
    { type: 'finish', reason: 'stop', usage: zeroUsage },
  ],
  [
    { type: 'thinking-delta', text: 'hm' },
    { type: 'thinking-end', providerMetadata: { claude: { signature: 'signed' } } },
    { type: 'tool-call', id: 'call', name: 'look', input: { at: [1, { deep: true }] } },
    { type: 'tool-call', id: 'call', name: 'look', input: {} },
    { type: 'finish', reason: 'tool-calls', usage: zeroUsage },
  ],
]

const goodOutputs: readonly ToolOutput[] = [
  'seen',
  toolResult({ content: 'seen' }),
  toolResult({ content: [{ type: 'text', text: 'seen' }] }),
  { content: [{ type: 'text', text: 'seen' }] },
  { temperature: 3 },
]

/** Runs one life to its end. Rejects with a `ContentFailure` that names the seed. */
export async function simulateContent({ seed, steps = 60 }: SimulateContentOptions): Promise<ContentReport> {
  const life = new OddLife(seed)
  for (let step = 0; step < steps; step++) await life.step()
  await life.end()
  return life.report()
}

class OddLife {
  readonly #seed: number
  readonly #random: Random
  readonly #clock = new VirtualClock()
  readonly #spoiled: SpoiledStore
  readonly #ids = sequentialIds('id')
  #running: RunningBeamClaw | undefined
  /** Requests to the running BeamClaw that have not settled. */
  readonly #open = new Map<Promise<unknown>, string>()
  #isEnding = false
  #starts = 0
  #witnessed = 0
  #accepted = 0
  #refused = 0
  #failure: ContentFailure | undefined

  constructor(seed: number) {
    this.#seed = seed
    this.#random = seededRandom(seed)
    this.#spoiled = new SpoiledStore(seededRandom(seed * 31 + 1))
  }

  async step(): Promise<void> {
    const running = this.#running ?? (await this.#start())
    const dice = this.#random.next()
    const victim = pickOne(this.#random, victims)
    if (dice < 0.5) this.#send(running, victim)
    else if (dice < 0.75) this.#look(running, victim)
    else if (dice < 0.85) await this.#clock.advance(integerBetween(this.#random, 0, 5_000))
    else if (dice < 0.93) await this.#askWitness(running)
    else await this.#crash(victim)
    if (this.#random.next() < 0.5) await breathe(1)
    this.#check()
  }

  /** Everything comes to rest, the witness answers, and so it does after one more start. */
  async end(): Promise<void> {
    for (let start = 0; start < 2; start++) {
      const running = this.#running ?? (await this.#start())
      await this.#clock.advance(120_000)
      await this.#askWitness(running)
      this.#checkRestarts(running)
      await this.#crash(pickOne(this.#random, victims))
    }
    const running = await this.#start()
    await this.#askWitness(running)
    for (const victim of victims) await this.#askVictim(running, victim)
    const { total } = await running.session(witness).history()
    if (total !== this.#witnessed * 2) this.#fail(`the witness has ${total} messages of ${this.#witnessed * 2}`)
    this.#isEnding = true
    const stopping = running.stop()
    await this.#settles('the stop', stopping, 10_000)
    this.#checkSettled('the stop')
    this.#check()
  }

  report(): ContentReport {
    return { seed: this.#seed, accepted: this.#accepted, refused: this.#refused, starts: this.#starts }
  }

  // ---- what happens

  async #start(): Promise<RunningBeamClaw> {
    this.#starts++
    const clock = this.#clock.clockOf(`life-${this.#starts}`)
    const tool = defineTool<unknown>({
      name: 'look',
      description: 'returns something',
      inputSchema: { type: 'object' },
      idempotent: true,
      timeoutMs: 1_000,
      execute: (_input, { signal }) => (this.#random.next() < 0.1 ? endlessOutput(this.#random, signal) : this.#output()),
    })
    try {
      const running = await new BeamClaw({
        providers: { odd: this.#provider(clock) },
        agents: [defineAgent({ id: 'main', model: 'odd/model', tools: [tool], maxTurns: 4 })],
        store: this.#spoiled.store,
        cluster: new SoloCluster({ ids: this.#ids, now: () => clock.now() }),
        services: { clock, ids: this.#ids, random: seededRandom(this.#seed), logger: this.#logger() },
      }).start()
      this.#running = running
      void running.ended.then(() => {
        if (this.#running === running && !this.#isEnding) this.#fail('the tree has ended')
      })
      return running
    } catch (cause) {
      throw new ContentFailure(this.#seed, 'the next start has failed', cause)
    }
  }

  async #crash(victim: string): Promise<void> {
    const running = this.#running
    this.#running = undefined
    running?.kill()
    await this.#clock.advance(10)
    this.#checkSettled('the end of the process')
    const key = [defaultTenant, 'sessions', 'main', victim.slice('agent:main:'.length)] as const
    const dice = this.#random.next()
    if (dice < 0.3) this.#spoiled.spoilLog([...key])
    else if (dice < 0.4) await this.#spoiled.spoilDocument([...key, 'metadata'])
    else if (dice < 0.5) this.#spoiled.spoilLog([defaultTenant, 'activity'])
  }

  #send(running: RunningBeamClaw, victim: string): void {
    const good = pickOne(this.#random, goodContents)
    const content = this.#random.next() < 0.5 ? good : spoiled(this.#random, good, oddValue)
    const queueMode = pickOne(this.#random, ['queue', 'steer', 'collect', 'interrupt'] as const)
    // Never throws: what is wrong with the message is told by its promises.
    const run = running.session(victim).send(content as UserMessage['content'], { queueMode })
    run.accepted.then(
      () => this.#accepted++,
      () => this.#refused++,
    )
    this.#expectTyped('a message', run.accepted)
    this.#expectTyped('a result', run.result())
  }

  #look(running: RunningBeamClaw, victim: string): void {
    const session = running.session(victim)
    this.#expectTyped('history', session.history())
    this.#expectTyped('inspect', session.inspect())
    this.#expectTyped('abort', this.#random.next() < 0.3 ? session.abort() : session.deadLetters())
    this.#expectTyped('sessions', running.sessions())
    this.#expectTyped('subscribe', session.subscribe()[Symbol.asyncIterator]().next())
  }

  /** A victim that is rid of its runs answers, or refuses with a typed error. */
  async #askVictim(running: RunningBeamClaw, victim: string): Promise<void> {
    const session = running.session(victim)
    for (let round = 0; round < 3; round++) {
      this.#expectTyped('the last abort', session.abort())
      await this.#clock.advance(5_000)
    }
    const answer = session.send('last question').result()
    this.#expectTyped('the last question', answer)
    await this.#settles(`the last question to ${victim}`, answer, 120_000)
  }

  async #settles(what: string, promise: Promise<unknown>, withinMs: number): Promise<void> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    promise.then(settle, settle)
    await this.#clock.advance(withinMs)
    if (!isSettled) throw new ContentFailure(this.#seed, `${what} has not settled within ${withinMs} ms`)
  }

  async #askWitness(running: RunningBeamClaw): Promise<void> {
    const number = ++this.#witnessed
    const answering = running
      .session(witness)
      .send(`witness ${number}`)
      .result()
      .then(
        ({ text }) => text,
        (error: unknown) => error,
      )
    await this.#clock.advance(100)
    const answer = await Promise.race([answering, breathe().then(() => 'no answer in 100 ms')])
    if (answer !== 'fine') throw new ContentFailure(this.#seed, `the witness says: ${String(answer)}`, answer)
  }

  // ---- who says odd things

  #provider(clock: Clock): Provider {
    const answerOf = (isWitness: boolean): readonly unknown[] => {
      if (isWitness)
        return [
          { type: 'text-delta', text: 'fine' },
          { type: 'finish', reason: 'stop', usage: zeroUsage },
        ]
      const good = pickOne(this.#random, goodAnswers)
      const odd = this.#random.next() < 0.5 ? good : spoiled(this.#random, good, oddValue)
      return (Array.isArray(odd) ? odd : [odd]) as readonly unknown[]
    }
    const mayThrow = (): void => {
      if (this.#random.next() < 0.1) throw oddValue(this.#random)
    }
    const mayBeEndless = (): boolean => this.#random.next() < 0.2
    const endless = (signal: AbortSignal): AsyncIterable<ProviderPart> => endlessAnswer(this.#random, clock, signal)
    return {
      async *doStream({ messages }, { signal }) {
        const last = messages.at(-1)
        const isWitness = typeof last?.content === 'string' && (last.content.startsWith('witness') || last.content === 'last question')
        if (!isWitness) mayThrow()
        if (!isWitness && mayBeEndless()) yield* endless(signal)
        for (const part of answerOf(isWitness)) yield part as ProviderPart
      },
    }
  }

  #output(): ToolOutput {
    const good = pickOne(this.#random, goodOutputs)
    const dice = this.#random.next()
    if (dice < 0.1) throw oddValue(this.#random)
    return dice < 0.4 ? good : (spoiled(this.#random, good, oddValue) as ToolOutput)
  }

  // ---- what must hold

  #expectTyped(what: string, promise: Promise<unknown>): void {
    const done = (): void => void this.#open.delete(promise)
    this.#open.set(promise, what)
    promise.then(done, (error: unknown) => {
      done()
      this.#checkTyped(what, error)
    })
  }

  #checkTyped(what: string, error: unknown): void {
    if (BeamClawError.isInstance(error)) return
    this.#fail(`${what} was refused with something that is no BeamClawError: ${String(error)}`, error)
  }

  /** Every request has settled by now. */
  #checkSettled(after: string): void {
    if (this.#open.size > 0) this.#fail(`after ${after} these have not settled: ${[...this.#open.values()].join(', ')}`)
    this.#open.clear()
  }

  /** A logger that throws, as one may whose disk is full. */
  #logger(): Logger {
    const random = seededRandom(this.#seed * 31 + 2)
    return {
      log: () => {
        if (random.next() < 0.1) throw new OddError('this logger fails')
      },
    }
  }

  #checkRestarts(running: RunningBeamClaw): void {
    const sessions = partTree(running, 'sessions')
    for (const { id, restarts } of sessions?.children ?? []) if (restarts !== 0) this.#fail(`session ${id} was restarted ${restarts} times`)
  }

  #fail(what: string, cause?: unknown): void {
    this.#failure ??= new ContentFailure(this.#seed, what, cause)
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
