/** Tools of an MCP server: a program of its own, which BeamClaw starts, watches and ends. */
import { fileURLToPath } from 'node:url'
import { BeamClaw, defineAgent, type ToolResult } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { McpServers } from '@beamclaw/tools/mcp'

const mcp = new McpServers({
  servers: {
    shop: {
      command: process.execPath,
      args: [fileURLToPath(new URL('server.ts', import.meta.url))],
      // It is our own, so it is believed when it calls a tool read-only: that one does not ask.
      trustAnnotations: true,
    },
  },
})
// Agents are defined before anything runs, so the tools are found out first.
for (const { server, isReady, tools } of await mcp.discover())
  console.log(`${server} ${isReady ? 'offers' : 'is not there'} ${tools.join(', ')}`)

const claw = new BeamClaw({
  providers: { demo: new DemoProvider() },
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1', tools: mcp.tools('shop') })],
  parts: [mcp],
})
const running = await claw.start()
running.on('approval-request', async ({ request }) => {
  console.log(`approved: ${request.toolName} ${JSON.stringify(request.input)}`)
  await running.approvals.approve(request.id, { by: 'me' })
})

const session = running.session('agent:main:shop')
for (const question of [
  'call mcp__shop__count {"fruit":"pear"}',
  'call mcp__shop__order {"fruit":"pear","pieces":5}',
  'call mcp__shop__count {"fruit":"pear"}',
]) {
  for await (const event of session.send(question)) {
    if (event.type === 'tool-result') console.log(textIn(event.result))
  }
}
await running.stop()

/** Returns what a result says. A server may also send images and sound, so it comes in parts. */
function textIn({ content }: ToolResult): string {
  return typeof content === 'string' ? content : content.map((part) => (part.type === 'text' ? part.text : part.type)).join('\n')
}
