/** Calls of tools as a model makes them: through a run, with the checks and retries of core. */
import { BeamClaw, type ContentPart, defineAgent, type JsonValue, silentLogger, type Tool } from '@beamclaw/core'
import { recordRun, ScriptedProvider, toolAnswer, toolCallsOf } from '@beamclaw/testkit'

/** The result of a call, as the model gets it. */
export interface CalledTool {
  readonly isError: boolean
  readonly content: string | readonly ContentPart[]
  /** The text of all parts. */
  readonly text: string
}

/** Resolves with what a model gets for one call. */
export async function callTool(tool: Tool, input: JsonValue): Promise<CalledTool> {
  const { name } = tool.declaration
  const claw = await new BeamClaw({
    providers: { test: new ScriptedProvider({ answers: [toolAnswer(name, input), 'done'] }) },
    agents: [defineAgent({ id: 'main', model: 'test/any', tools: [tool] })],
    services: { logger: silentLogger },
  }).start()
  try {
    const [call] = toolCallsOf(await recordRun(claw.session('main').send('go')))
    const content = call?.content ?? ''
    const text =
      typeof content === 'string' ? content : content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join('\n')
    return { isError: call?.outcome !== 'ok', content, text }
  } finally {
    await claw.stop()
  }
}
