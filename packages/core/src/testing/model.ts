/** Models for tests of sessions: a function decides each answer. */

import { silentLogger } from '@beamclaw/actor'
import { ManualClock } from '@beamclaw/actor/testing'
import { type AgentOptions, defineAgent } from '../agent/agent.ts'
import { BeamClawError } from '../base/errors.ts'
import type { JsonValue } from '../base/messages.ts'
import { BeamClaw } from '../beamclaw.ts'
import type { BeamClawOptions } from '../beamclaw-options.ts'
import { MemoryStore } from '../defaults/memory-store.ts'
import type { Provider, ProviderPart, ProviderRequest } from '../ports/provider.ts'
import type { RunningBeamClaw } from '../running-beamclaw.ts'

/** The outcome of one request: text, tool calls, or an error; a promise is awaited. */
export interface ModelTurn {
  readonly text?: string
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly input?: JsonValue }[]
  readonly fails?: BeamClawError
  /** Text that is sent before the error, and is then void. */
  readonly before?: string
}

export class FunctionModel implements Provider {
  readonly requests: ProviderRequest[] = []
  readonly #answer: (request: ProviderRequest, index: number, signal: AbortSignal) => ModelTurn | Promise<ModelTurn>

  constructor(answer: (request: ProviderRequest, index: number, signal: AbortSignal) => ModelTurn | Promise<ModelTurn>) {
    this.#answer = answer
  }

  async *doStream(request: ProviderRequest, { signal }: { readonly signal: AbortSignal }): AsyncGenerator<ProviderPart> {
    const index = this.requests.push(request) - 1
    const aborted = new Promise<never>((_, reject) => {
      const abort = (): void => reject(new BeamClawError('provider-aborted', 'aborted', { cause: signal.reason }))
      if (signal.aborted) abort()
      else signal.addEventListener('abort', abort, { once: true })
    })
    aborted.catch(() => {})
    const turn = await Promise.race([this.#answer(request, index, signal), aborted])
    if (turn.before !== undefined) yield { type: 'text-delta', text: turn.before }
    if (turn.fails !== undefined) throw turn.fails
    for (const word of turn.text?.split(/(?<= )/) ?? []) yield { type: 'text-delta', text: word }
    for (const { id, name, input = {} } of turn.calls ?? []) yield { type: 'tool-call', id, name, input }
    const usage = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 0, cacheWriteTokens: 0 }
    yield { type: 'finish', reason: turn.calls === undefined ? 'stop' : 'tool-calls', usage }
  }
}

export interface Stage {
  readonly claw: RunningBeamClaw
  readonly store: MemoryStore
  readonly clock: ManualClock
  readonly model: FunctionModel
  /** Kills the tree and starts another one over the same store, as after a crash. */
  restart(): Promise<RunningBeamClaw>
}

/** Returns a BeamClaw with one agent, `main`, over a store that outlives it. */
export async function stage(
  model: FunctionModel,
  agent: Partial<AgentOptions> = {},
  options: Partial<BeamClawOptions> = {},
): Promise<Stage> {
  const store = new MemoryStore()
  const clock = new ManualClock()
  const start = (): Promise<RunningBeamClaw> =>
    new BeamClaw({
      providers: { test: model },
      agents: [defineAgent({ id: 'main', model: 'test/model', ...agent })],
      store,
      services: { clock, logger: silentLogger },
      ...options,
    }).start()
  let claw = await start()
  return {
    get claw() {
      return claw
    },
    store,
    clock,
    model,
    async restart() {
      claw.kill()
      claw = await start()
      return claw
    },
  }
}
