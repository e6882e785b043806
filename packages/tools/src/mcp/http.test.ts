// Servers over streamable HTTP: one of the official SDK, and some that misbehave.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { bodyOf, type LocalServer, localServer } from '../web/testing/local-server.ts'
import { mcpStage } from './testing/mcp-stage.ts'

const running: LocalServer[] = []
afterEach(() => Promise.all(running.splice(0).map((server) => server.close())))

async function serve(listener: (request: IncomingMessage, response: ServerResponse) => void): Promise<LocalServer> {
  const server = await localServer(listener)
  running.push(server)
  return server
}

/** A server of the SDK that wants a key. */
function good(): Promise<LocalServer> {
  const handler = toNodeHandler(
    createMcpHandler(() => {
      const server = new McpServer({ name: 'web', version: '1' })
      server.registerTool(
        'echo',
        { description: 'Says it again', inputSchema: z.object({ text: z.string().optional() }) },
        ({ text = '' }) => ({
          content: [{ type: 'text', text: `You said ${text}` }],
        }),
      )
      return server
    }),
  )
  return serve((request, response) => {
    if (request.headers.authorization === 'Bearer key-of-the-test') return void handler(request as Parameters<typeof handler>[0], response)
    response.writeHead(401).end(`no: ${request.headers.authorization}`)
  })
}

const headers = { authorization: 'Bearer key-of-the-test' }

describe.each(['2025-11-25', '2026-07-28', 'auto'] as const)('revision %s', (protocol) => {
  test('has tools that agents call, with its headers', async () => {
    const { origin } = await good()
    await using stage = await mcpStage({ web: { url: `${origin}/mcp`, headers, protocol } })
    expect(stage.reports).toMatchObject([{ isReady: true, protocol: protocol === 'auto' ? '2026-07-28' : protocol }])
    expect(await stage.call('mcp__web__echo', { text: 'hi' })).toMatchObject({
      isError: false,
      text: expect.stringContaining('You said hi'),
    })
  })
})

test('a wrong key is told without the key', async () => {
  const { origin } = await good()
  await using stage = await mcpStage({ web: { url: origin, headers: { authorization: 'Bearer wrong-key-123' } } })
  expect(stage.reports).toMatchObject([{ isReady: false, problems: [expect.stringContaining('status 401')] }])
  expect(JSON.stringify([stage.reports, stage.logged])).not.toContain('wrong-key-123')
})

/** A server by hand that answers the first requests, and calls by `onCall`. */
function byHand(onCall: (id: number, response: ServerResponse, request: IncomingMessage) => void): Promise<LocalServer> {
  return serve(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id, method } = JSON.parse(await bodyOf(request)) as { id?: number; method: string }
    if (id === undefined) return void response.writeHead(202).end()
    const answer = (result: object): void => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }))
    }
    if (method === 'initialize')
      return answer({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'hand', version: '1' } })
    if (method === 'tools/list') return answer({ tools: [{ name: 'call', inputSchema: { type: 'object' } }] })
    if (method === 'tools/call') return onCall(id, response, request)
    response.writeHead(400, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_601, message: 'Method not found' } }))
  })
}

const done = (id: number): string => JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'done' }] } })

describe('a call', () => {
  test('of a server that is gone may be tried again, as it was never sent', async () => {
    const server = await byHand((id, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(done(id)))
    await using stage = await mcpStage({ web: { url: server.origin } })
    expect((await stage.call('mcp__web__call')).text).toContain('done')
    await server.close()
    expect(await stage.call('mcp__web__call')).toMatchObject({ isError: true, text: expect.stringContaining('is not available') })
  })

  test('that is cut off is sent once', async () => {
    let calls = 0
    const { origin } = await byHand((_id, _response, request) => {
      calls++
      request.socket.destroy()
    })
    await using stage = await mcpStage({ web: { url: origin } })
    expect(await stage.call('mcp__web__call')).toMatchObject({
      isError: true,
      text: expect.stringContaining('Whether the call took effect is not known'),
    })
    expect(calls).toBe(1)
  })

  test('to a server that has forgotten the connection gets a new one', async () => {
    let calls = 0
    const { origin, requests } = await byHand((id, response) => {
      calls++
      if (calls === 1) response.writeHead(404).end()
      else response.writeHead(200, { 'content-type': 'application/json' }).end(done(id))
    })
    await using stage = await mcpStage({ web: { url: origin } })
    expect((await stage.call('mcp__web__call')).text).toContain('done')
    expect(calls).toBe(2)
    expect(requests.length).toBeGreaterThan(6)
  })

  test.each([
    ['a body', 'application/json', 'x'],
    ['an event', 'text/event-stream', 'data: x\n'],
  ])('with %s that has no end fails', async (_title, type, piece) => {
    const { origin } = await byHand((_id, response) => {
      response.writeHead(200, { 'content-type': type })
      const more = (): void => {
        while (!response.destroyed && response.write(piece.repeat(10_000)));
      }
      response.on('drain', more)
      more()
    })
    await using stage = await mcpStage({ web: { url: origin } }, { maxMessageBytes: 100_000, callTimeoutMs: 20_000 })
    const { isError, text } = await stage.call('mcp__web__call')
    expect([isError, text]).toEqual([true, expect.stringContaining('larger than 100000 bytes')])
  })

  test('is not sent to another origin', async () => {
    let isReached = false
    const other = await serve((_request, response) => {
      isReached = true
      response.end()
    })
    const { origin } = await byHand((_id, response) => void response.writeHead(307, { location: `${other.origin}/` }).end())
    await using stage = await mcpStage({ web: { url: origin, headers } })
    expect(await stage.call('mcp__web__call')).toMatchObject({ isError: true })
    expect(isReached).toBe(false)
  })

  test('that takes too long is given up', async () => {
    const { origin } = await byHand(() => undefined)
    await using stage = await mcpStage({ web: { url: origin } }, { callTimeoutMs: 1_000 })
    expect(await stage.call('mcp__web__call')).toMatchObject({
      isError: true,
      text: expect.stringContaining('did not respond within 1000 ms'),
    })
  })
})
