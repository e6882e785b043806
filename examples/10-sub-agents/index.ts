/** An agent in the background: another agent starts it and is free again, and the answer comes as a message. */
import { BeamClaw, defineAgent, SubAgents, textOf } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'

const model = 'demo/demo-1'
// Which agents an agent may start.
const subAgents = new SubAgents({ agents: { main: ['calculator'] } })
const claw = new BeamClaw({
  providers: { demo: new DemoProvider() },
  agents: [
    defineAgent({ id: 'main', model, tools: [subAgents.spawnTool(), subAgents.manageTool()] }),
    defineAgent({ id: 'calculator', model }),
  ],
  parts: [subAgents],
})
const running = await claw.start()
const session = running.session('agent:main:first')

// The tool returns at once, so the run ends without the answer.
const run = session.send('call sessions_spawn {"task":"2+3","label":"the sum"}')
for (const { name, result } of (await run.result()).toolCalls) console.log(`${name}: ${result?.content}`)

for await (const event of session.subscribe(1)) {
  if (event.type !== 'message-accepted' || event.runId === run.runId) continue
  // The first message that this program has not sent.
  console.log(`message: ${textOf(event.message)}`)
  console.log(`main: ${(await session.follow(event.runId).result()).text}`)
  break
}
for (const { agentId, label, status, answer } of subAgents.of().list({ parent: 'agent:main:first' })) {
  console.log(`${agentId} (${label}): ${status}, ${answer}`)
}
await running.stop()
