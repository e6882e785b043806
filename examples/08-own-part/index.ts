/** A subsystem of the host application in the supervision tree: it is started, restarted and stopped with the sessions that it uses. */
import { BeamClaw, defineAgent, type Part, ResourceActor } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'

/** Sends a reminder to a session at intervals. */
const reminders: Part = {
  id: 'reminders',
  start: ({ session, services }) => ({
    start: () => {
      const remind = (): void => {
        session('agent:main:desk').send('What is 2+3?')
        timer = services.clock.setTimer(remind, 20)
      }
      let timer = services.clock.setTimer(remind, 20)
      return new ResourceActor({ release: () => timer.cancel() })
    },
  }),
}

const claw = new BeamClaw({
  providers: { demo: new DemoProvider() },
  agents: [defineAgent({ id: 'main', model: 'demo/echo' })],
  parts: [reminders],
})
const running = await claw.start()
let count = 0
for await (const event of running.session('agent:main:desk').subscribe(1, { waitForFirstMessage: true })) {
  if (event.type === 'message-accepted') console.log(`reminder ${++count}`)
  if (event.type === 'run-end' && count >= 3) break
}
const [tenants] = running.tree().children ?? []
console.log(tenants?.children?.flatMap(({ children = [] }) => children.map(({ id }) => id)).join(', '))
await running.stop()
