/** The agent of this example: a job of three parts, and a model that calls the tool for one part after the other. */
import { setTimeout as pause } from 'node:timers/promises'
import { BeamClaw, defineAgent, defineTool, type Provider, type ProviderPart, zeroUsage } from '@beamclaw/core'
import { FsStore } from '@beamclaw/store-fs'

const measure = defineTool({
  name: 'measure',
  description: 'Measures the next part',
  // A call that a crash interrupts runs again.
  idempotent: true,
  execute: async (_input, { toolCallId }) => {
    console.log(`measuring ${toolCallId.replace('-', ' ')}`)
    await pause(200)
    return `${toolCallId} is done`
  },
})

/** Three calls, then an answer. It reads from the conversation which parts are done, as any model does. */
const foreman: Provider = {
  async *doStream({ messages }): AsyncGenerator<ProviderPart> {
    const done = messages.filter(({ role }) => role === 'tool').length
    if (done < 3) yield { type: 'tool-call', id: `part-${done + 1}`, name: 'measure', input: {} }
    else yield { type: 'text-delta', text: `all ${done} parts are measured` }
    yield { type: 'finish', reason: done < 3 ? 'tool-calls' : 'stop', usage: zeroUsage }
  },
}

/** Starts the job, or continues it from the store in `folder`: the idempotency key identifies the job. */
export async function runAgent(folder: string): Promise<void> {
  const claw = new BeamClaw({
    providers: { own: foreman },
    agents: [defineAgent({ id: 'main', model: 'own/foreman', tools: [measure] })],
    store: new FsStore({ path: folder }),
  })
  const running = await claw.start()
  const run = running.session('agent:main:job').send('measure everything', { idempotencyKey: 'job-1' })
  const { status } = await run.accepted
  console.log(`the job is ${status}`)
  console.log((await run.result()).text)
  await running.stop()
}
