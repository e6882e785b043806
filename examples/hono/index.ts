/** Chat sessions behind Hono: POST /chat/:id sends a message and streams the run, GET /chat/:id returns what was said. */
import { BeamClaw, BeamClawError, defineAgent } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'

const claw = new BeamClaw({
  providers: { demo: new DemoProvider({ delayMs: 20 }) },
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
  // During a deployment the old process holds the lock of the directory a little longer.
  store: new FsStore({ path: process.env.DATA_DIRECTORY ?? './data', lockWaitMs: 15_000 }),
})
const running = await claw.start()

const app = new Hono()

app.post('/chat/:id', async (context) => {
  const { text, key } = await context.req.json<{ readonly text: string; readonly key?: string }>()
  const run = running.session(`agent:main:${context.req.param('id')}`).send(text, key === undefined ? {} : { idempotencyKey: key })
  // A client that disconnects ends the stream, not the run; one that sends its message again gets the whole run.
  return run.toResponse()
})

app.get('/chat/:id', async (context) => {
  const { messages } = await running.session(`agent:main:${context.req.param('id')}`).history()
  return context.json(messages)
})

app.onError((error, context) => {
  if (BeamClawError.isInstance(error)) return context.json({ code: error.code }, 400)
  console.error(error)
  return context.json({ code: 'internal' }, 500)
})

const server = serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`listening on http://localhost:${port}`)
})

async function stop(): Promise<void> {
  server.close()
  await running.stop()
  if ('closeAllConnections' in server) server.closeAllConnections()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
