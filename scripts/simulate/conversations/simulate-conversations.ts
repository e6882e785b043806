/** Simulates conversations, derived from one seed: every outgoing request is checked by the rules of the two services. */
import {
  type AgentDefinition,
  BeamClaw,
  BeamClawError,
  defineAgent,
  defineTool,
  MemoryStore,
  type Provider,
  type Random,
  type RunningBeamClaw,
  SoloCluster,
  type ToolOutput,
  type UserMessage,
} from '../../../packages/core/src/index.ts'
import { AnthropicProvider, OpenAiProvider } from '../../../packages/providers/src/index.ts'
import { integerBetween, pickOne, seededRandom } from '../../../packages/testkit/src/seeded-random.ts'
import { sequentialIds } from '../../../packages/testkit/src/sequential-ids.ts'
import { breathe, VirtualClock } from '../../../packages/testkit/src/simulator/virtual-clock.ts'
import { AcceptedMessages } from './accepted-messages.ts'
import { CrashingParts, restartedBesideParts } from './crashing-part.ts'
import { digestsAtOnce } from './digests-at-once.ts'
import { longText, oddText } from './odd-text.ts'
import { ScriptedService } from './scripted-service.ts'
import { messageMark } from './what-was-said.ts'

export interface SimulateConversationsOptions {
  /** A whole number; the same one gives the same life. */
  readonly seed: number
  /** Things that happen. @default 60 */
  readonly steps?: number
}

/** The result of a simulation in which every invariant held. */
export interface ConversationsReport {
  readonly seed: number
  readonly requests: number
  readonly summaries: number
  readonly messages: number
  /** Agents that were removed and came back, and crashes of parts. */
  readonly changes: number
  readonly crashes: number
}

/** Runs one life to its end. Rejects with every rule that was broken, and the seed. */
export async function simulateConversations({ seed, steps = 60 }: SimulateConversationsOptions): Promise<ConversationsReport> {
  using _ = digestsAtOnce()
  const life = new ConversationLife(seed)
  for (let step = 0; step < steps; step++) await life.step()
  await life.end()
  return life.report()
}

const names = ['a', 'b'] as const
type Name = (typeof names)[number]
const queueModes = ['queue', 'queue', 'steer', 'collect', 'interrupt', 'reject'] as const
const image = { type: 'image', mediaType: 'image/png', data: 'AAAA' } as const

class ConversationLife {
  readonly #seed: number
  readonly #random: Random
  readonly #clock = new VirtualClock()
  readonly #store = new MemoryStore()
  readonly #ids = sequentialIds('id')
  readonly #service: ScriptedService
  readonly #windowTokens: number
  readonly #compactAboveTokens: number
  readonly #thinking: 'off' | 'low'
  readonly #broken = new Map<string, string>()
  readonly #accepted = new AcceptedMessages((rule) => this.#break(rule))
  readonly #configured = new Set<Name>(names)
  #running: RunningBeamClaw | undefined
  #parts: CrashingParts
  /** Agents that were configured at some time in this life. */
  #known = new Set<Name>()
  #changes = 0
  #crashes = 0
  #starts = 0
  #messages = 0

  constructor(seed: number) {
    this.#seed = seed
    // It outlives those that work with it.
    this.#store.stop = async () => {}
    this.#random = seededRandom(seed)
    this.#parts = new CrashingParts(this.#random)
    this.#windowTokens = integerBetween(this.#random, 4_000, 40_000)
    this.#compactAboveTokens = integerBetween(this.#random, 1_000, 8_000)
    this.#thinking = pickOne(this.#random, ['off', 'low'] as const)
    this.#service = new ScriptedService({
      random: this.#random,
      windowBytes: this.#windowTokens * 2,
      onBroken: (rule, body) => this.#break(rule, body),
    })
  }

  async step(): Promise<void> {
    const running = this.#running ?? (await this.#start())
    const dice = this.#random.next()
    const name = pickOne(this.#random, names)
    if (dice < 0.45) this.#send(running, name)
    else if (dice < 0.75) await this.#clock.advance(integerBetween(this.#random, 0, 5_000))
    else if (dice < 0.8) this.#configure(running)
    else if (dice < 0.86) this.#addOrRemove(running, name)
    else if (dice < 0.89) this.#parts.crash(running)
    else if (dice < 0.91) this.#expectTyped(name, running.session(keyOf(name)).abort())
    else if (dice < 0.94) this.#switch(running, name)
    else if (dice < 0.955) this.#kill()
    else if (dice < 0.975) this.#comeBackWithout(name)
    else if (dice < 0.985) await this.#drain(running)
    else await this.#stop()
    this.#checkTree()
    if (this.#random.next() < 0.5) await breathe(2)
  }

  /** Everything comes to rest, and each conversation goes on. */
  async end(): Promise<void> {
    for (const name of names) this.#configured.add(name)
    if (this.#running !== undefined) this.#configure(this.#running)
    for (const name of names) {
      const running = this.#running ?? (await this.#start())
      await this.#clock.advance(200_000)
      await this.#checkRest(running, name)
      this.#send(running, name, 'queue')
      await this.#clock.advance(200_000)
      const { waiting } = await running.session(keyOf(name)).inspect()
      if (waiting.length > 0) this.#break(`a conversation comes to rest (${name} has ${waiting.length} waiting)`)
    }
    const running = this.#running ?? (await this.#start())
    await this.#accepted.checkAll(running, () => this.#clock.advance(200_000))
    await this.#drain(running)
    if (this.#broken.size === 0) return
    const rules = [...this.#broken].map(([rule, body]) => `- ${rule}\n${body === '' ? '' : `  in ${body.slice(0, 2_000)}\n`}`)
    throw new Error(`seed ${this.#seed}: ${rules.join('')}`)
  }

  report(): ConversationsReport {
    const { requests, summaries } = this.#service
    return { seed: this.#seed, requests, summaries, messages: this.#messages, changes: this.#changes, crashes: this.#crashes }
  }

  // ---- what happens

  async #start(): Promise<RunningBeamClaw> {
    const clock = this.#clock.clockOf(`life-${++this.#starts}`)
    const ids = this.#ids
    const known = new Set(this.#configured)
    this.#known = known
    this.#parts = new CrashingParts(this.#random)
    const log = (_level: string, event: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      if (event === 'session.broken') this.#break(`a session is never broken: ${JSON.stringify(fields)}`)
    }
    const running = await new BeamClaw({
      providers: {
        anthropic: this.#faulty(
          known,
          new AnthropicProvider({
            apiKey: 'none',
            fetch: this.#service.fetchFor('anthropic'),
            clock,
            ids,
            thinkingMode: pickOne(this.#random, ['budget', 'adaptive'] as const),
          }),
        ),
        openai: this.#faulty(
          known,
          new OpenAiProvider({ api: 'chat', apiKey: 'none', fetch: this.#service.fetchFor('openai'), clock, ids }),
        ),
      },
      agents: this.#agents(),
      parts: this.#parts.parts,
      store: this.#store,
      cluster: new SoloCluster({ ids, now: () => clock.now() }),
      services: { clock, ids, random: seededRandom(this.#seed), logger: { log } },
    }).start()
    this.#running = running
    this.#accepted.follow(running)
    return running
  }

  /** The agents change. */
  #configure(running: RunningBeamClaw): void {
    for (const name of this.#configured) this.#known.add(name)
    running.updateAgents(this.#agents())
  }

  #addOrRemove(running: RunningBeamClaw, name: Name): void {
    if (!this.#configured.delete(name)) this.#configured.add(name)
    this.#changes++
    this.#configure(running)
  }

  /** Tools come and go. */
  #agents(): readonly AgentDefinition[] {
    const random = this.#random
    return names
      .filter((name) => this.#configured.has(name))
      .map((name) => {
        const tools = ['look', 'list']
          .filter(() => random.next() < 0.6)
          .map((tool) =>
            defineTool<unknown>({
              name: tool,
              description: `returns something ${pickOne(random, ['', '\ud83d'])}`,
              inputSchema: { type: 'object' },
              idempotent: true,
              execute: () => this.#output(),
            }),
          )
        return defineAgent({
          id: name,
          model: `${pickOne(random, ['anthropic', 'openai'])}/${name}`,
          system: `You are ${name}. ${pickOne(random, ['', '\ude00'])}`,
          thinking: this.#thinking,
          tools,
          maxTurns: 6,
          compactAboveTokens: this.#compactAboveTokens,
        })
      })
  }

  /** Throws at times what no provider should. `known` are the agents that the life of this provider has had. */
  #faulty(known: ReadonlySet<Name>, provider: Provider): Provider {
    const random = this.#random
    const service = this.#service
    const check = (model: string): void => {
      if (!known.has(model as Name)) this.#break(`no model is asked for an agent that is not configured (${model})`)
    }
    return {
      async *doStream(request, options) {
        check(request.model)
        if (request.system?.startsWith('Summarise')) service.said(request.model).summaryTried()
        if (random.next() < 0.03) throw new TypeError('a mistake of the adapter')
        yield* provider.doStream(request, options)
      },
    }
  }

  #send(running: RunningBeamClaw, name: Name, queueMode = pickOne(this.#random, queueModes)): void {
    const random = this.#random
    const mark = messageMark(++this.#messages)
    const text = random.next() < 0.1 ? longText(random, integerBetween(random, 1_000, 9_000)) : oddText(random)
    const content: UserMessage['content'] =
      random.next() < 0.7
        ? `${mark} ${text}`
        : [{ type: 'text', text: mark }, ...(random.next() < 0.5 ? [image] : []), { type: 'text', text: `${text}\ud83d` }]
    const runId = `m${this.#messages}`
    const run = running.session(keyOf(name)).send(content, { queueMode, idempotencyKey: runId })
    run.accepted.then(
      () => this.#accepted.accepted(runId, keyOf(name)),
      () => {},
    )
    this.#expectTyped(name, run.accepted)
    this.#expectTyped(name, run.result())
  }

  #switch(running: RunningBeamClaw, name: Name): void {
    const model = `${pickOne(this.#random, ['anthropic', 'openai'])}/${name}`
    this.#expectTyped(name, running.session(keyOf(name)).configure({ model }))
  }

  #kill(): void {
    this.#running?.kill()
    this.#leave()
  }

  /** The next life begins without an agent that has work. */
  #comeBackWithout(name: Name): void {
    this.#kill()
    if (this.#configured.delete(name)) this.#changes++
  }

  #leave(): void {
    this.#running = undefined
    this.#crashes += this.#parts.crashes
  }

  /** What waits for an agent that is not configured holds up no drain. */
  async #drain(running: RunningBeamClaw): Promise<void> {
    let isDrained = false
    void running.drain().then(() => {
      isDrained = true
    })
    await this.#clock.advance(600_000)
    if (!isDrained) this.#break('a drain ends')
    await this.#stop()
  }

  async #stop(): Promise<void> {
    const stopping = this.#running?.stop()
    this.#leave()
    stopping?.catch((error: unknown) => this.#break(`a stop ends without an error: ${String(error)}`))
    await this.#clock.advance(20_000)
    await stopping?.catch(() => {})
  }

  #output(): ToolOutput {
    const random = this.#random
    const dice = random.next()
    if (dice < 0.1) throw new Error(`failed ${oddText(random)}`)
    if (dice < 0.3) return longText(random, pickOne(random, [4_001, 5_000, 20_000]))
    if (dice < 0.35) return longText(random, 250_000)
    if (dice < 0.45) return { content: [{ type: 'text', text: oddText(random) }, image, { type: 'text', text: longText(random, 4_500) }] }
    if (dice < 0.55) return { [oddText(random)]: oddText(random), number: random.next() }
    return oddText(random)
  }

  // ---- what must hold

  /** Looked at only now: a session that is asked wakes. */
  async #checkRest(running: RunningBeamClaw, name: Name): Promise<void> {
    const session = running.session(keyOf(name))
    if (!(await session.exists())) return
    const { current, waiting } = await session.inspect()
    if (current !== undefined || waiting.length > 0)
      this.#break(`what was accepted for an agent goes on by itself once it is back (${name})`)
  }

  #checkTree(): void {
    const running = this.#running
    if (running === undefined) return
    if (!running.isRunning) this.#break('a part that crashes ends nothing above it')
    const restarted = restartedBesideParts(running.tree())
    if (restarted.length > 0) this.#break(`a part that crashes restarts nothing beside it (${restarted.join(', ')})`)
  }

  #expectTyped(name: Name, promise: Promise<unknown>): void {
    promise.catch((error: unknown) => {
      if (!BeamClawError.isInstance(error)) return this.#break(`errors are typed: ${String(error)}`)
      if (error.code === 'poison-message' || error.code === 'session-broken') this.#break(`no run ends as ${error.code}`)
      if (error.code === 'provider-context-overflow' && this.#service.said(name).isUnsummed(error.message))
        this.#break('a long history is summed up before a run fails because of its length')
    })
  }

  #break(rule: string, body = ''): void {
    if (!this.#broken.has(rule)) this.#broken.set(rule, body)
  }
}

function keyOf(name: Name): string {
  return `agent:${name}:main`
}
