/** Calls of tools as a model makes them: through a run, with the checks and retries of core. */
import { BeamClaw, type ContentPart, defineAgent, type JsonValue, silentLogger, type Tool, type ToolResult } from '@beamclaw/core'
import { ScriptedProvider, toolAnswer } from '@beamclaw/testkit'

/** The result of a call, as the model gets it. */
export interface CalledTool {
  readonly isError: boolean
  readonly content: string | readonly ContentPart[]
  /** The text of all parts. */
  readonly text: string
}

/** Resolves with what a model gets for one call. */
export async function callTool(tool: Tool, input: JsonValue): Promise<CalledTool> {
  let result: ToolResult | undefined
  const provider = new ScriptedProvider({
    answers: ({ messages }) => {
      const last = messages.at(-1)
      if (last?.role !== 'tool') return toolAnswer(tool.declaration.name, input)
      result = last.content[0]
      return 'done'
    },
  })
  const claw = await new BeamClaw({
    providers: { test: provider },
    agents: [defineAgent({ id: 'main', model: 'test/any', tools: [tool], askMode: 'off' })],
    services: { logger: silentLogger },
  }).start()
  try {
    await claw.session('main').send('go').result()
    const { content = '', isError = true } = result ?? {}
    const text =
      typeof content === 'string' ? content : content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join('\n')
    return { isError, content, text }
  } finally {
    await claw.stop()
  }
}
