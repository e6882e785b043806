// The client against servers that are not as they should be.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { type WebSocket as ServerSocket, WebSocketServer } from 'ws'
import { GatewayClient } from './gateway-client.ts'

const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** A server with a healthy `/health`, and a WebSocket that does what a test wants. */
async function serve(onSocket: (socket: ServerSocket) => void, isHealthy = true): Promise<string> {
  const server = createServer((_request, response) => {
    if (isHealthy) response.end('{"status":"ok","version":"1","uptimeMs":1}')
  }).listen(0, '127.0.0.1')
  servers.push(server)
  new WebSocketServer({ server }).on('connection', onSocket)
  await new Promise((resolve) => server.once('listening', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const challenge = JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: 'n', ts: 1 } })

const hello = {
  type: 'hello-ok',
  protocol: 4,
  server: { version: '1', connId: 'c' },
  features: { methods: [], events: [] },
  snapshot: { presence: [], health: { ok: true, ts: 1 }, stateVersion: { presence: 0, health: 0 }, uptimeMs: 1 },
  auth: { role: 'operator', scopes: [] },
  policy: { maxPayload: 1, maxBufferedBytes: 1, tickIntervalMs: 30_000 },
}

interface Request {
  readonly id: string
  readonly method: string
}

/** A gateway that accepts `connect`, and handles every other request by the given function. */
function gatewayLike(onRequest: (socket: ServerSocket, request: Request) => void) {
  return serve((socket) => {
    socket.send(challenge)
    socket.on('message', (data) => {
      const request = JSON.parse(String(data)) as Request
      if (request.method === 'connect') socket.send(JSON.stringify({ type: 'res', id: request.id, ok: true, payload: hello }))
      else onRequest(socket, request)
    })
  })
}

const times = { connectMs: 200, requestMs: 200 }

function connectTo(url: string): Promise<GatewayClient> {
  return GatewayClient.connect({ url, token: undefined }, times)
}

describe('a client does not wait for ever', () => {
  test('for a server that accepts and says nothing', async () => {
    await expect(connectTo(await serve(() => {}, false))).rejects.toMatchObject({ code: 'connect-timeout' })
  })

  test('for a challenge', async () => {
    await expect(connectTo(await serve(() => {}))).rejects.toMatchObject({ code: 'connect-timeout' })
  })

  test('for the answer to its introduction', async () => {
    await expect(connectTo(await serve((socket) => socket.send(challenge)))).rejects.toMatchObject({ code: 'request-timeout' })
  })

  test('for the answer to a request', async () => {
    await using client = await connectTo(await gatewayLike(() => {}))
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'request-timeout' })
  })
})

describe('a client is told', () => {
  test('when the connection ends before, during and after the introduction', async () => {
    await expect(connectTo(await serve((socket) => socket.terminate()))).rejects.toMatchObject({ code: 'connection-lost' })
    const during = await serve((socket) => {
      socket.send(challenge)
      socket.on('message', () => socket.close(1008, 'not you'))
    })
    await expect(connectTo(during)).rejects.toMatchObject({ code: 'connection-lost', message: expect.stringContaining('not you') })
    await using client = await connectTo(await gatewayLike((socket) => socket.terminate()))
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'connection-lost' })
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'connection-lost' })
  })

  test('of a server that greets in another way', async () => {
    const url = await serve((socket) => {
      socket.send(challenge)
      socket.on('message', (data) => {
        const { id } = JSON.parse(String(data)) as Request
        socket.send(JSON.stringify({ type: 'res', id, ok: true, payload: { type: 'hello' } }))
      })
    })
    await expect(connectTo(url)).rejects.toMatchObject({ code: 'not-a-gateway' })
  })
})

test('what is no frame is passed over, and answers come out of order', async () => {
  const waiting: Request[] = []
  const url = await gatewayLike((socket, request) => {
    waiting.push(request)
    if (waiting.length < 2) return
    for (const noise of ['{', '[]', '"text"', '{"type":"res"}', '{"type":"res","id":"nobody","ok":true}']) socket.send(noise)
    socket.send(Buffer.from('binary'))
    for (const { id, method } of waiting.reverse()) socket.send(JSON.stringify({ type: 'res', id, ok: true, payload: method }))
  })
  await using client = await connectTo(url)
  expect(await Promise.all([client.request('health', {}), client.request('status', {})])).toEqual(['health', 'status'])
})

test('a refusal carries the code of its details, else its own', async () => {
  const url = await gatewayLike((socket, { id, method }) => {
    const error = { code: 'UNAVAILABLE', message: 'not now', ...(method === 'status' ? { details: { code: 'draining' } } : {}) }
    socket.send(JSON.stringify({ type: 'res', id, ok: false, error }))
  })
  await using client = await connectTo(url)
  await expect(client.request('status', {})).rejects.toMatchObject({ code: 'draining', message: 'not now' })
  await expect(client.request('health', {})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
