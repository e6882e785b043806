/** An agent with a tool that asks before it acts, over files. */
import { createInterface } from 'node:readline/promises'
import { BeamClaw, defineAgent, defineTool, type RunningBeamClaw } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'
import * as z from 'zod'

const waitMs = 60_000

const deleteReport = defineTool({
  name: 'delete_report',
  description: 'Deletes a report for good',
  input: z.object({ name: z.string().regex(/^[a-z0-9-]{1,40}$/) }),
  // Asks before it runs; the request is a record of the conversation.
  risk: 'high',
  execute: ({ name }) => `${name} is deleted`,
})

function start(folder: string): Promise<RunningBeamClaw> {
  const claw = new BeamClaw({
    providers: { demo: new DemoProvider() },
    agents: [defineAgent({ id: 'main', model: 'demo/demo-1', tools: [deleteReport] })],
    store: new FsStore({ path: folder }),
  })
  return claw.start()
}

const message = ['call delete_report {"name":"q3"}', { idempotencyKey: 'delete-q3' }] as const

/** The first process: the model wants to delete, and the call waits. */
export async function ask(folder: string): Promise<void> {
  const running = await start(folder)
  running.on('approval-request', ({ request }) => console.log(`waits for approval: ${request.toolName} ${JSON.stringify(request.input)}`))
  await running
    .session('agent:main:office')
    .send(...message)
    .result()
}

/** The second process: the same request is still there, and a person decides. */
export async function answer(folder: string, say: (line: string) => void): Promise<void> {
  const running = await start(folder)
  for (const { id, toolName, input } of await running.approvals.list()) {
    const question = `still waits: ${toolName} ${JSON.stringify(input)}.`
    if (await approves(question)) await running.approvals.approve(id, { by: 'the person at the terminal' })
    else await running.approvals.deny(id, { reason: 'A person refused this.' })
  }
  for await (const event of running.session('agent:main:office').send(...message)) {
    if (event.type === 'tool-result') say(`${event.result.isError ? 'refused' : 'done'}: ${JSON.stringify(event.result.content)}`)
  }
  await running.stop()
}

/** Resolves with true only when the person types `yes` in time: silence, a closed terminal and any other word are a no. */
async function approves(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const gone = new AbortController()
  // The input is closed: no answer can come.
  terminal.once('close', () => gone.abort())
  try {
    const typed = await terminal.question(`second process: ${question} Type "yes" to allow it: `, {
      signal: AbortSignal.any([gone.signal, AbortSignal.timeout(waitMs)]),
    })
    return typed.trim().toLowerCase() === 'yes'
  } catch {
    return false
  } finally {
    terminal.close()
  }
}
