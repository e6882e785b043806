/** The model and the tools of a simulation: they take their time, they fail, and they count what they did. */
import {
  type AgentDefinition,
  BeamClawError,
  type Clock,
  defineAgent,
  defineTool,
  type ErrorCode,
  type IdGenerator,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  type Random,
  type ToolContext,
  zeroUsage,
} from '@beamclaw/core'
import { faultyProvider, type ProviderFault } from '../faulty-provider.ts'
import { integerBetween, pickOne } from '../seeded-random.ts'
import type { DurableHistory } from './durable-history.ts'
import type { SimulatedEvent } from './simulated-event.ts'
import type { Trace } from './trace.ts'

const providerCodes: readonly ErrorCode[] = [
  'provider-auth',
  'provider-billing',
  'provider-rate-limit',
  'provider-overloaded',
  'provider-timeout',
  'provider-server',
  'provider-context-overflow',
  'provider-bad-request',
  'provider-content-filter',
  'provider-network',
  'provider-protocol',
]

/** A request for approval without a decision ends by itself soon after the storm. */
const asks = { description: 'is asked for, and must not run twice', askMode: 'always', approvalTimeoutMs: 20_000 } as const

export interface SimulatedAgentOptions {
  readonly random: Random
  readonly ids: IdGenerator
  readonly clock: Clock
  readonly trace: Trace
  readonly history: DurableHistory
  readonly without: ReadonlySet<SimulatedEvent>
  /** With a third tool, `buy`, each call of which a person has to approve. @default false */
  readonly hasApprovals?: boolean
  /** False when a model that has begun to answer always comes to an end. @default true */
  readonly mayHang?: boolean
}

export class SimulatedAgent {
  /** False once the weather is fine: nothing fails any more. */
  isStormy = true
  readonly #options: SimulatedAgentOptions
  readonly #begun = new Map<string, number>()
  #busy = 0

  constructor(options: SimulatedAgentOptions) {
    this.#options = options
  }

  /** Calls to the model and to tools that have not ended. */
  get busy(): number {
    return this.#busy
  }

  /** The agent `main` with a tool that may be repeated, `look`, and one that may not, `pay`. `isCurrent` is false once its program was killed. */
  define(isCurrent: () => boolean, clock: Clock = this.#options.clock): AgentDefinition {
    const execute = (name: string) => (_: unknown, context: ToolContext) => this.#execute(name, context, isCurrent, clock)
    const common = { maxAttempts: 2, timeoutMs: 5_000 }
    return defineAgent({
      id: 'main',
      model: 'simulated/model',
      maxTurns: 6,
      compactAboveTokens: 1_000,
      tools: [
        defineTool({ ...common, name: 'pay', description: 'must not run twice', execute: execute('pay') }),
        defineTool({ ...common, name: 'look', description: 'may run twice', idempotent: true, execute: execute('look') }),
        ...(this.#options.hasApprovals === true ? [defineTool({ ...common, ...asks, name: 'buy', execute: execute('buy') })] : []),
      ],
    })
  }

  /** The model, behind faults. */
  provider(clock: Clock = this.#options.clock): Provider {
    return faultyProvider({ doStream: (request, { signal }) => this.#answer(request, signal, clock) }, () => this.#fault())
  }

  #fault(): ProviderFault | undefined {
    const { random } = this.#options
    if (!this.isStormy || random.next() > 0.2 || this.#options.without.has('model-failure')) return undefined
    const afterParts = integerBetween(random, 0, 2)
    const dice = random.next()
    if (dice < 0.1) return this.#options.mayHang === false ? undefined : { type: 'hang', afterParts }
    if (dice < 0.2) return { type: 'cut', afterParts }
    const retryAfter = random.next() < 0.2 ? { retryAfterMs: integerBetween(random, 1, 3_000) } : {}
    return { type: 'fail', afterParts, error: new BeamClawError(pickOne(random, providerCodes), 'failed on purpose', retryAfter) }
  }

  async *#answer(request: ProviderRequest, signal: AbortSignal, clock: Clock): AsyncGenerator<ProviderPart, void, undefined> {
    const { random, ids, hasApprovals = false } = this.#options
    this.#busy++
    try {
      await sleep(clock, integerBetween(random, 0, 300), signal)
      yield { type: 'text-delta', text: `answer ${ids.next('answer')} ` }
      if (random.next() < 0.3) await sleep(clock, integerBetween(random, 0, 100), signal)
      yield { type: 'text-delta', text: 'x'.repeat(integerBetween(random, 0, 400)) }
      const wantsTools = request.tools !== undefined && random.next() < 0.5
      for (let count = wantsTools ? integerBetween(random, 1, 3) : 0; count > 0; count--)
        yield {
          type: 'tool-call',
          id: random.next() < 0.5 ? ids.next('call') : 'call',
          name: pickOne(random, hasApprovals ? ['pay', 'pay', 'look', 'look', 'unknown', 'buy'] : ['pay', 'look', 'look', 'unknown']),
          input: {},
        }
      yield { type: 'finish', reason: wantsTools ? 'tool-calls' : 'stop', usage: zeroUsage }
    } finally {
      this.#busy--
    }
  }

  async #execute(
    name: string,
    { toolCallId, idempotencyKey, runId, signal, sessionKey }: ToolContext,
    isCurrent: () => boolean,
    clock: Clock,
  ): Promise<string> {
    const { random, trace, history } = this.#options
    const call = `${sessionKey} ${idempotencyKey}`
    const times = (this.#begun.get(call) ?? 0) + 1
    this.#begun.set(call, times)
    trace.add(`  tool ${name} ${call} begins, time ${times}`)
    if (name !== 'look' && times > 1) trace.fail('I3', `${call} has begun ${times} times`)
    if (!isCurrent()) trace.fail('I3', `${call} has begun in a program that was killed`)
    const isDurable = history
      .recordsOf(sessionKey)
      .some(
        ({ type, data }) =>
          type === 'tool-intent' && data.toolCallId === toolCallId && idempotencyKey.startsWith(`${runId}:${String(data.turn)}:`),
      )
    if (!isDurable) trace.fail('I3', `${call} has begun before its intent was durable`)
    this.#busy++
    try {
      // Some tools do not listen.
      const listens = random.next() < 0.7
      await sleep(clock, integerBetween(random, 0, 400), listens ? signal : undefined)
      if (this.isStormy && random.next() < 0.15) throw new Error('this tool failed')
      if (this.isStormy && name === 'look' && random.next() < 0.1)
        throw new BeamClawError('tool-failed', 'try again', { isRetryable: true })
      return `result of ${toolCallId}`
    } finally {
      this.#busy--
    }
  }
}

function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer.cancel()
      reject(new BeamClawError('provider-aborted', 'aborted', { cause: signal?.reason }))
    }
    const timer = clock.setTimer(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
