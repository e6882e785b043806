/** Gateways of a cluster that are drained, stopped or cut off, as their clients and their operator see them. */
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'
import { describe, expect, test, vi } from 'vitest'
import { type GatewayNode, gateways } from '../testing/gateways.ts'
import { hello, post } from '../testing/http.ts'
import { connectParams, RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'

const patiently = { timeout: 10_000, interval: 5 }
const admin = { scopes: ['operator.admin'] }
const chat = { sessionKey: 'agent:main:a', message: 'hello', idempotencyKey: 'one' }

async function readiness({ url }: Pick<GatewayNode, 'url'>): Promise<readonly [number, unknown]> {
  const response = await fetch(`${url}/ready`)
  return [response.status, await response.json()]
}

describe('a drain that an operator asks for', () => {
  test('leaves the last node that takes work alone, unless it is forced, and is written to the log of the node', async () => {
    const log: (readonly [string, unknown])[] = []
    await using stage = await gateways({ logger: { log: (_level, event, fields) => void log.push([event, fields]) } })
    const [first, second] = stage.nodes as [GatewayNode, GatewayNode]
    await using client = await RawClient.connected(first.url, admin)
    expect(await client.ask('cluster.drain', { id: 'web-2' })).toEqual({ id: 'web-2' })
    expect(log.filter(([event]) => event === 'cluster.drain-asked')).toEqual([['cluster.drain-asked', { by: 'web-1' }]])
    await using other = await RawClient.connected(second.url, admin)
    for (const asker of [client, other])
      expect((await asker.request('cluster.drain', { id: 'web-1' })).error).toMatchObject({
        code: 'INVALID_REQUEST',
        details: { code: 'last-node' },
        message: expect.stringContaining('start another one first, or force the drain'),
      })
    expect(await readiness(first)).toEqual([200, { status: 'ready' }])
    expect(await client.ask('cluster.drain', { id: 'web-1', force: true })).toEqual({ id: 'web-1' })
    expect(await readiness(first)).toEqual([503, { status: 'draining' }])
  })

  test('of one that is alone: it can be looked at, and refuses new messages', async () => {
    await using stage = await scene()
    await stage.claw.session('agent:main:a').send('before').result()
    await using client = await RawClient.connected(stage.url, admin)
    await expect(client.ask('cluster.drain', { id: 'solo' })).rejects.toThrow('last-node')
    await client.ask('cluster.drain', { id: 'solo', force: true })
    await using late = await RawClient.connected(stage.url)
    expect(await late.ask('status')).toMatchObject({ readiness: 'draining' })
    expect(await late.ask('cluster.status', {})).toMatchObject({ nodes: [{ id: 'solo', state: 'draining' }] })
    expect(await late.ask('chat.history', { sessionKey: 'a' })).toMatchObject({ messages: [{ role: 'user' }, { role: 'assistant' }] })
    expect((await late.request('chat.send', chat)).error).toMatchObject({ code: 'UNAVAILABLE', details: { code: 'draining' } })
    expect((await post(stage.url, hello)).status).toBe(503)
  })

  test('of one of several: it goes on to take what it is asked, and has it carried out elsewhere', async () => {
    await using stage = await gateways()
    const [first, second] = stage.nodes as [GatewayNode, GatewayNode]
    await using admins = await RawClient.connected(first.url, admin)
    await admins.ask('cluster.drain', { id: 'web-1' })
    expect(await readiness(first)).toEqual([503, { status: 'draining' }])
    const answered = await post(first.url, hello, { 'x-beamclaw-session-key': 'agent:main:http' })
    expect(await answered.json()).toMatchObject({ choices: [{ message: { content: 'you said hello' } }] })
    // A client that keeps connections open is to open its next one elsewhere.
    expect(answered.headers.get('connection')).toBe('close')
    expect((await post(first.url, hello)).status).toBe(200)
    await using late = await RawClient.connected(first.url)
    await late.ask('chat.send', chat)
    expect((await late.chatEnd('one')).payload).toMatchObject({ state: 'final' })
    const status = await second.claw.cluster.status()
    expect(status.map(({ id, activity }) => [id, activity?.phase, activity?.sessions])).toEqual([
      ['web-1', 'draining', 0],
      ['web-2', 'running', 2],
    ])
  })
})

describe('a gateway that stops while another node is up', () => {
  test('serves what comes in until its port is closed, and waits for it', async () => {
    const held = Promise.withResolvers<void>()
    await using stage = await gateways({
      model: ({ messages }) => (messages.at(-1)?.content === 'quick' ? { text: 'done' } : held.promise.then(() => ({ text: 'done' }))),
    })
    const [first] = stage.nodes
    await using client = await RawClient.connected(first.url)
    await client.ask('chat.send', chat)
    const stopped = first.gateway.stop()
    await vi.waitFor(async () => expect(await readiness(first)).toEqual([503, { status: 'draining' }]), patiently)
    const ask = (key: string, content: string) =>
      post(first.url, { ...hello, messages: [{ role: 'user', content }] }, { 'x-beamclaw-session-key': `agent:main:${key}` })
    expect((await ask('b', 'quick')).status).toBe(200)
    await using late = await RawClient.connected(first.url)
    await late.ask('chat.send', { ...chat, sessionKey: 'agent:main:c', message: 'quick', idempotencyKey: 'two' })
    expect((await late.chatEnd('two')).payload).toMatchObject({ state: 'final' })
    const waiting = ask('d', 'slow')
    await vi.waitFor(async () => expect((await first.claw.session('agent:main:d').history()).messages).toHaveLength(1), patiently)
    held.resolve()
    const answer = await waiting
    expect([answer.status, await answer.json()]).toMatchObject([200, { choices: [{ message: { content: 'done' } }] }])
    expect((await client.chatEnd('one')).payload).toMatchObject({ state: 'final' })
    expect(await client.closed).toEqual({ code: 1012, reason: 'service restart' })
    await stopped
    await expect(fetch(`${first.url}/health`)).rejects.toThrow()
  })

  test('waits for a request of which only its answer tells', async () => {
    const held = Promise.withResolvers<void>()
    const asked = Promise.withResolvers<void>()
    const clock = new ManualClock()
    await using stage = await gateways({
      gateway: { drainMs: 5_000, services: { clock } },
      model: () => {
        asked.resolve()
        return held.promise.then(() => ({ text: 'done' }))
      },
    })
    const [first] = stage.nodes
    // Without a session nothing but the request tells of it.
    const waiting = post(first.url, hello)
    await asked.promise
    let isStopped = false
    const stopped = first.gateway.stop().then(() => {
      isStopped = true
    })
    await vi.waitFor(async () => expect(first.claw.cluster.phase).toBe('draining'), patiently)
    // Longer than the time for an answer that is being sent.
    await clock.advance(4_000)
    await flushEventLoop()
    expect(isStopped).toBe(false)
    held.resolve()
    expect((await waiting).status).toBe(200)
    await clock.advance(1_000)
    await stopped
  })

  test('refuses connections and requests where no other node is up', async () => {
    const held = Promise.withResolvers<void>()
    await using stage = await gateways({ model: () => held.promise.then(() => ({ text: 'done' })) })
    const [first, second] = stage.nodes as [GatewayNode, GatewayNode]
    await first.claw.cluster.drain('web-2')
    await vi.waitFor(() => expect(first.claw.cluster.nodes.map(({ state }) => state).sort()).toEqual(['draining', 'up']), patiently)
    await using client = await RawClient.connected(first.url)
    await client.ask('chat.send', chat)
    const stopped = first.gateway.stop()
    await vi.waitFor(async () => expect(await readiness(first)).toEqual([503, { status: 'draining' }]), patiently)
    expect((await post(first.url, hello)).status).toBe(503)
    await using late = new RawClient(first.url)
    await late.challenge()
    expect((await late.request('connect', connectParams)).error).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'draining' } })
    held.resolve()
    await stopped
    expect(second.claw.cluster.phase).toBe('draining')
  })
})

test('a gateway that is cut off says so, and counts no node as up', async () => {
  await using stage = await gateways()
  const [first] = stage.nodes
  stage.network.isolate('web-1')
  await vi.waitFor(async () => expect(await readiness(first)).toEqual([503, { status: 'isolated' }]), patiently)
  const refused = await post(first.url, hello)
  expect([refused.status, await refused.json()]).toMatchObject([
    503,
    { error: { code: 'node-isolated', message: expect.stringContaining('cut off from its cluster') } },
  ])
  const lines = (await (await fetch(`${first.url}/metrics`)).text()).split('\n').filter((line) => line.startsWith('beamclaw_nodes'))
  expect(lines).toEqual(['beamclaw_nodes{state="up"} 0', 'beamclaw_nodes{state="draining"} 0', 'beamclaw_nodes{state="isolated"} 1'])
  await using client = await RawClient.connected(first.url)
  expect(await client.ask('status')).toMatchObject({ readiness: 'isolated', nodes: [{ id: 'web-1' }, { id: 'web-2' }] })
})
