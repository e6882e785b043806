/** A tool that asks a person for approval before it acts. Anything but a clear yes is a no: silence, a closed terminal, another word. */
import { createInterface } from 'node:readline/promises'
import { BeamClaw, defineAgent, defineTool, toolResult } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import * as z from 'zod'

const waitMs = 60_000

/** Resolves with true only when the person types `yes` in time. */
async function approves(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const gone = new AbortController()
  // The input is closed: no answer can come.
  terminal.once('close', () => gone.abort())
  try {
    const answer = await terminal.question(`${question} Type "yes" to allow it: `, {
      signal: AbortSignal.any([signal, gone.signal, AbortSignal.timeout(waitMs)]),
    })
    return answer.trim().toLowerCase() === 'yes'
  } catch {
    return false
  } finally {
    terminal.close()
  }
}

const deleteReport = defineTool({
  name: 'delete_report',
  description: 'Deletes a report for good',
  input: z.object({ name: z.string().regex(/^[a-z0-9-]{1,40}$/) }),
  execute: async ({ name }, { signal }) => {
    if (!(await approves(`The model wants to delete the report "${name}".`, signal))) {
      return toolResult({ content: 'A person refused this. Do not try it again.', isError: true })
    }
    return `${name} is deleted`
  },
})

const claw = new BeamClaw({
  providers: { demo: new DemoProvider() },
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1', tools: [deleteReport] })],
})
const running = await claw.start()
const run = running.session('agent:main:office').send('call delete_report {"name":"q3"}')
for await (const event of run) {
  if (event.type === 'tool-result') console.log(`\n${event.result.isError ? 'refused' : 'done'}: ${JSON.stringify(event.result.content)}`)
}
await running.stop()
