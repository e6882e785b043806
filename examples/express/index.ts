/** Chat sessions behind Express: POST /chat/:id sends a message and streams the run, GET /chat/:id returns what was said. */
import type { AddressInfo } from 'node:net'
import { BeamClaw, BeamClawError, defineAgent } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'
import express, { type ErrorRequestHandler } from 'express'

const claw = new BeamClaw({
  providers: { demo: new DemoProvider({ delayMs: 20 }) },
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
  // During a deployment the old process holds the lock of the directory a little longer.
  store: new FsStore({ path: process.env.DATA_DIRECTORY ?? './data', lockWaitMs: 15_000 }),
})
const running = await claw.start()

const app = express()

app.post('/chat/:id', express.json(), async (request, response) => {
  const { text, key } = request.body
  const run = running.session(`agent:main:${request.params.id}`).send(text, key === undefined ? {} : { idempotencyKey: key })
  // A client that disconnects ends the stream, not the run; one that sends its message again gets the whole run.
  await run.pipeTo(response)
})

app.get('/chat/:id', async (request, response) => {
  const { messages } = await running.session(`agent:main:${request.params.id}`).history()
  response.json(messages)
})

const onError: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent || !BeamClawError.isInstance(error)) return next(error)
  response.status(400).json({ code: error.code })
}
app.use(onError)

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`)
})

async function stop(): Promise<void> {
  server.close()
  await running.stop()
  server.closeAllConnections()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
