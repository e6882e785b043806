/** The client under test of the conformance suite: does what a scenario wants of `McpServers`, by the tools that an agent would have. */
import { BeamClaw, type JsonObject, silentLogger } from '@beamclaw/core'
import { ScriptedProvider } from '@beamclaw/core/testing'
import { McpServers } from '../mcp-servers.ts'

/** The calls of each scenario: the name of a tool as the server has it, and the input. */
interface ScenarioContext {
  readonly toolCalls?: readonly { readonly name: string; readonly arguments?: JsonObject | undefined }[]
}

const url = process.argv.at(-1) ?? ''
const { toolCalls } = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as ScenarioContext
const inputs: Readonly<Record<string, JsonObject | undefined>> = { add_numbers: { a: 5, b: 3 } }

const mcp = new McpServers({ servers: { test: { url } }, callTimeoutMs: 20_000, logger: { log: (...line) => console.error(...line) } })
await mcp.discover()
const claw = await new BeamClaw({
  providers: { test: new ScriptedProvider() },
  agents: [{ id: 'main', model: 'test/any' }],
  parts: [mcp],
  services: { logger: silentLogger },
}).start()

const nameOf = (tool: string): string => `mcp__test__${tool}`
const tools = mcp.tools('test')
/** Calls a tool as a run does. A scenario may want the call to fail. */
async function call(name: string, input: JsonObject, index = 0): Promise<unknown> {
  const tool = tools.find(({ declaration }) => declaration.name === nameOf(name))
  const context = {
    ...{
      signal: new AbortController().signal,
      tenant: 'default',
      sessionKey: 'agent:main:main',
      idempotencyKey: `r:1:${index}`,
      attempt: 1,
    },
    ...{ progress: () => undefined, plan: input },
  }
  const result: unknown = await Promise.resolve(tool?.execute(input as never, context as never)).catch(String)
  console.error(name, JSON.stringify(result).slice(0, 500))
  return result
}

if (process.env.MCP_CONFORMANCE_SCENARIO === 'json-schema-2020-12-preservation') {
  const focal = tools.find(({ declaration }) => declaration.name === nameOf('json_schema_2020_12_tool'))
  await call('json_schema_echo', { schema: focal?.declaration.inputSchema })
} else {
  const own = tools.map(({ declaration: { name } }) => name.slice(nameOf('').length)).filter((name) => !name.endsWith('_resource'))
  const calls = toolCalls ?? own.map((name) => ({ name, arguments: inputs[name] }))
  for (const [index, { name, arguments: input = {} }] of calls.entries()) {
    const listed = JSON.stringify(await call(name, input, index))
    const uri = name === 'list_resources' ? /\\n([a-z]+:\S+) /.exec(listed)?.[1] : undefined
    if (uri !== undefined) await call('read_resource', { uri })
  }
  for (const { name } of await mcp.prompts('test').catch(() => [])) await mcp.prompt('test', name).catch(String)
}
await claw.stop()
