/** A command in the background: the agent reads what it prints while it runs, and its end wakes the conversation. */
import { BeamClaw, defineAgent, ProcessTable, textOf } from '@beamclaw/core'
import { execTool, LocalSandbox, processTool } from '@beamclaw/tools'
import { model } from './model.ts'

const sandbox = new LocalSandbox()
const processes = new ProcessTable({ sandboxes: [sandbox] })
const claw = new BeamClaw({
  providers: { scripted: model },
  agents: [
    defineAgent({
      id: 'main',
      model: 'scripted/any',
      tools: [execTool({ processes, sandbox, workspace: process.cwd() }), processTool({ processes })],
    }),
  ],
  parts: [processes],
})
const running = await claw.start()
// A command asks before it runs.
running.on('approval-request', async ({ request }) => {
  console.log(`approved: ${request.display.split('\n').at(-1)}`)
  await running.approvals.approve(request.id, { by: 'me' })
})

const session = running.session('agent:main:release')
session.send('Build the release.')
for await (const event of session.subscribe(1, { waitForFirstMessage: true })) {
  if (event.type === 'message-accepted') console.log(`message: ${textOf(event.message)}`)
  if (event.type === 'tool-result') console.log(`${event.result.name}: ${event.result.content}`)
  if (event.type === 'run-end') {
    console.log(`agent: ${(await session.follow(event.runId).result()).text}`)
    const [waiting] = processes.of().list({ isRunning: true })
    if (waiting === undefined) break
    // The agent rests now. The program gets its answer and ends, and the next message comes from the table of processes.
    await processes.of().write(waiting.id, 'yes\n')
  }
}
await running.stop()
