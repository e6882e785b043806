/** An agent that asks another one, and hands the conversation over to a third. */
import { agentTool, BeamClaw, defineAgent, handoff } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'

const calculator = defineAgent({ id: 'calculator', model: 'demo/demo-1' })
const billing = defineAgent({ id: 'billing', model: 'demo/demo-1', system: 'You know about bills.' })
const main = defineAgent({
  id: 'main',
  model: 'demo/demo-1',
  tools: [agentTool(calculator, { description: 'Works out sums' }), handoff(billing, { description: 'For questions about bills' })],
})

const claw = new BeamClaw({ providers: { demo: new DemoProvider() }, agents: [main, calculator, billing] })
const running = await claw.start()
running.on('run-end', ({ agentId, outcome }) => console.log(`${agentId}: ${outcome}`), { agent: 'calculator' })
const session = running.session('agent:main:first')

const asked = await session.send('call ask_calculator {"task":"2+3"}').result()
for (const { name, result } of asked.toolCalls) console.log(`${name}: ${result?.content}`)

await session.send('call hand_off_to_billing').result()
console.log(`${(await session.inspect()).agentId} answers`)
await running.stop()
