/** One session with a model server behind it, in this process: for faults that do not end a process. */
import {
  BeamClaw,
  type BeamClawError,
  defineAgent,
  type RunEvent,
  type RunningBeamClaw,
  SystemClock,
  silentLogger,
  type TimerHandle,
  type Tool,
} from '@beamclaw/core'
import { OpenAiProvider, type OpenAiProviderOptions } from '@beamclaw/providers/openai'
import { type AnswerFunction, type ModelAnswer, type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'

/** Deadlines of actors that start and stop, which are no waits. */
const deadlines = new Set([5_000, 30_000])

/** Waits that a run takes between two attempts pass at once; what they would have been is kept. */
export class HastyClock extends SystemClock {
  readonly waits: number[] = []

  override setTimer(callback: () => void, delayMs: number, background?: boolean): TimerHandle {
    const isWait = background !== true && delayMs >= 200 && delayMs < 60_000 && !deadlines.has(delayMs)
    if (isWait) this.waits.push(delayMs)
    return super.setTimer(callback, isWait ? 1 : delayMs, background)
  }
}

/** The outcome of a run. */
export interface CollectedAnswer {
  readonly events: readonly RunEvent[]
  readonly text: string | undefined
  readonly error: BeamClawError | undefined
}

export class Conversation implements AsyncDisposable {
  readonly model: ModelServer
  readonly clock: HastyClock
  readonly #claw: RunningBeamClaw

  private constructor(model: ModelServer, clock: HastyClock, claw: RunningBeamClaw) {
    this.model = model
    this.clock = clock
    this.#claw = claw
  }

  static async begin(
    answers: readonly (ModelAnswer | string)[] | AnswerFunction,
    { tools = [], provider = {} }: { readonly tools?: readonly Tool[]; readonly provider?: OpenAiProviderOptions } = {},
  ): Promise<Conversation> {
    const model = await startModelServer({ answers })
    const clock = new HastyClock()
    const claw = await new BeamClaw({
      providers: { local: new OpenAiProvider({ baseUrl: model.baseUrl, apiKey: 'none', ...provider }) },
      agents: [defineAgent({ id: 'main', model: 'local/scripted-1', tools })],
      services: { clock, logger: silentLogger },
    }).start()
    return new Conversation(model, clock, claw)
  }

  /** Sends a message and hears the run to its end. */
  async ask(text: string): Promise<CollectedAnswer> {
    const run = this.#claw.session('agent:main:main').send(text)
    const events: RunEvent[] = []
    for await (const event of run) events.push(event)
    try {
      return { events, text: (await run.result()).text, error: undefined }
    } catch (error) {
      return { events, text: undefined, error: error as BeamClawError }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A tool that does not end would be waited for.
    this.#claw.kill()
    await this.model.stop()
  }
}

/** The attempts of a run, as `turn.attempt`. */
export function attemptsOf({ events }: CollectedAnswer): readonly string[] {
  return events.flatMap((event) => (event.type === 'model-request' ? [`${event.turn}.${event.attempt}`] : []))
}

/** The codes of its attempts that failed. */
export function failuresOf({ events }: CollectedAnswer): readonly string[] {
  return events.flatMap((event) => (event.type === 'model-failure' ? [event.failure.code] : []))
}

/** The results of its tools. */
export function resultsOf({ events }: CollectedAnswer) {
  return events.flatMap((event) => (event.type === 'tool-result' ? [{ outcome: event.outcome, ...event.result }] : []))
}
