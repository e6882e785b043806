/** Chat sessions behind Node's own HTTP server: POST /chat/<id> sends a message and streams the run, GET /chat/<id> returns what was said. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { BeamClaw, BeamClawError, defineAgent } from '@beamclaw/core'
import { DemoProvider } from '@beamclaw/providers/demo'
import { FsStore } from '@beamclaw/store-fs'

const claw = new BeamClaw({
  providers: { demo: new DemoProvider({ delayMs: 20 }) },
  agents: [defineAgent({ id: 'main', model: 'demo/demo-1' })],
  // During a deployment the old process holds the lock of the directory a little longer.
  store: new FsStore({ path: process.env.DATA_DIRECTORY ?? './data', lockWaitMs: 15_000 }),
})
const running = await claw.start()

const server = createServer((request, response) => {
  respond(request, response).catch((error: unknown) => {
    if (response.headersSent) return response.destroy()
    const code = BeamClawError.isInstance(error) ? error.code : 'internal'
    response.writeHead(code === 'internal' ? 500 : 400, { 'content-type': 'application/json' }).end(JSON.stringify({ code }))
  })
})

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, id] = /^\/chat\/([\w-]+)$/.exec(request.url ?? '') ?? []
  if (id === undefined) return void response.writeHead(404).end()
  const session = running.session(`agent:main:${id}`)
  if (request.method !== 'POST') {
    response.setHeader('content-type', 'application/json')
    return void response.end(JSON.stringify((await session.history()).messages))
  }
  const { text, key } = (await json(request)) as { readonly text: string; readonly key?: string }
  const run = session.send(text, key === undefined ? {} : { idempotencyKey: key })
  // A client that disconnects ends the stream, not the run; one that sends its message again gets the whole run.
  await run.pipeTo(response)
}

async function stop(): Promise<void> {
  server.close()
  await running.stop()
  server.closeAllConnections()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())

server.listen(Number(process.env.PORT ?? 3000), () => {
  const address = server.address()
  if (typeof address === 'object') console.log(`listening on http://localhost:${address?.port}`)
})
