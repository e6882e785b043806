/** An agent with a tool, whose input is validated before the function is called. */
import { BeamClaw, defineAgent, defineTool } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import * as z from 'zod'

const stock = new Map([
  ['apple', 12],
  ['pear', 0],
])

const countStock = defineTool({
  name: 'count_stock',
  description: 'Tells how many pieces of a fruit are there',
  input: z.object({ fruit: z.enum(['apple', 'pear', 'plum']) }),
  // The tool has no side effects, so a call that a crash interrupts runs again.
  idempotent: true,
  execute: ({ fruit }) => {
    const pieces = stock.get(fruit)
    // The model gets the error, and may try something else.
    if (pieces === undefined) throw new Error(`We do not sell any ${fruit}`)
    return { fruit, pieces }
  },
})

const claw = new BeamClaw({
  providers: { demo: new DemoProvider() },
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1', tools: [countStock] })],
})
const running = await claw.start()
const session = running.session('agent:main:shop')

for (const question of ['call count_stock {"fruit":"apple"}', 'call count_stock {"fruit":"plum"}', 'call count_stock {"fruit":"stone"}']) {
  for await (const event of session.send(question)) {
    if (event.type === 'tool-result') console.log(`${event.outcome}: ${JSON.stringify(event.result.content)}`)
  }
}
await running.stop()
