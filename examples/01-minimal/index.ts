/** The smallest program: one agent, and one session with a memory. */
import { BeamClaw, defineAgent } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'

const claw = new BeamClaw({
  providers: { demo: new DemoProvider() },
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
})
const running = await claw.start()
const session = running.session('agent:main:first')

// A run is a stream of events; its text arrives in pieces.
for await (const event of session.send('My number is 2+3')) {
  if (event.type === 'text-delta') process.stdout.write(event.text)
}
process.stdout.write('\n')

// Or wait for the complete answer.
const { text } = await session.send('What did I say?').result()
console.log(text)
await running.stop()
