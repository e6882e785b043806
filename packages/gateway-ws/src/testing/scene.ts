/** A gateway on a real port over a real BeamClaw with a model that answers from a function. */
import {
  type AgentOptions,
  BeamClaw,
  type BeamClawError,
  type BeamClawOptions,
  defineAgent,
  MemoryStore,
  type Provider,
  type ProviderPart,
  type ProviderRequest,
  type RunningBeamClaw,
  silentLogger,
} from '@beamclaw/core'
import { Gateway } from '../gateway.ts'
import type { GatewayOptions } from '../gateway-options.ts'

/** One answer of the model; a promise is awaited. */
export interface ModelTurn {
  readonly text?: string
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly input: never }[]
  readonly fails?: BeamClawError
  /** Text that is streamed before the failure, and void after it. */
  readonly before?: string
}

export type ModelFunction = (request: ProviderRequest, index: number, signal: AbortSignal) => ModelTurn | Promise<ModelTurn>

/** A model that streams its answers word by word. */
export class FunctionModel implements Provider {
  readonly requests: ProviderRequest[] = []
  readonly signals: AbortSignal[] = []
  readonly #answer: ModelFunction

  constructor(answer: ModelFunction) {
    this.#answer = answer
  }

  async *doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncGenerator<ProviderPart> {
    const index = this.requests.push(request) - 1
    this.signals.push(signal)
    const turn = await Promise.race([this.#answer(request, index, signal), rejectionOf(signal)])
    if (turn.before !== undefined) for (const word of words(turn.before)) yield { type: 'text-delta', text: word }
    if (turn.fails !== undefined) throw turn.fails
    for (const word of words(turn.text ?? '')) yield { type: 'text-delta', text: word }
    for (const { id, name, input } of turn.calls ?? []) yield { type: 'tool-call', id, name, input }
    const usage = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 }
    yield { type: 'finish', reason: turn.calls === undefined ? 'stop' : 'tool-calls', usage }
  }
}

export interface Scene extends AsyncDisposable {
  readonly claw: RunningBeamClaw
  readonly gateway: Gateway
  readonly model: FunctionModel
  readonly url: string
}

export interface SceneOptions {
  readonly model?: ModelFunction
  readonly agent?: Partial<AgentOptions>
  readonly claw?: Partial<BeamClawOptions>
  readonly gateway?: Partial<GatewayOptions>
}

/** Starts a scene. `await using` stops it. */
export async function scene({ model: answer, agent, claw: clawOptions, gateway: gatewayOptions }: SceneOptions = {}): Promise<Scene> {
  const model = new FunctionModel(answer ?? (({ messages }) => ({ text: `you said ${String(messages.at(-1)?.content)}` })))
  const claw = await new BeamClaw({
    providers: { test: model },
    agents: [defineAgent({ id: 'main', model: 'test/model', ...agent }), defineAgent({ id: 'other', model: 'test/model' })],
    store: new MemoryStore(),
    services: { logger: silentLogger },
    ...clawOptions,
  }).start()
  const gateway = new Gateway({
    claw,
    port: 0,
    version: '1.2.3',
    drainMs: 0,
    ...gatewayOptions,
    services: { logger: silentLogger, ...gatewayOptions?.services },
  })
  const { url } = await gateway.start()
  return {
    claw,
    gateway,
    model,
    url,
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await claw.stop()
    },
  }
}

function words(text: string): readonly string[] {
  return text === '' ? [] : text.split(/(?<= )/)
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  if (signal.aborted) reject(signal.reason)
  else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  promise.catch(() => {})
  return promise
}
