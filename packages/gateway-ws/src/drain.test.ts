/** How a gateway ends. */
import { once } from 'node:events'
import { defineTool } from '@beamclaw/core'
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'
import { describe, expect, test } from 'vitest'
import { connectParams, RawClient } from './testing/raw-client.ts'
import { scene } from './testing/scene.ts'

const hello = { sessionKey: 'agent:main:a', message: 'hello', idempotencyKey: 'one' }

describe('stop', () => {
  test('tells everybody, takes nothing new, finishes what runs, and closes with 1012', async () => {
    const held = Promise.withResolvers<void>()
    await using stage = await scene({ gateway: { drainMs: 60_000 }, model: () => held.promise.then(() => ({ text: 'done' })) })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    const stopped = stage.gateway.stop()
    expect(await client.frame(({ event }) => event === 'shutdown')).toMatchObject({ payload: { reason: 'service restart' } })
    expect((await client.request('chat.send', { ...hello, idempotencyKey: 'two' })).error).toMatchObject({
      code: 'UNAVAILABLE',
      details: { code: 'draining' },
      retryable: true,
      retryAfterMs: expect.any(Number),
    })
    const ready = await fetch(`${stage.url}/ready`)
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'draining' }])
    const refused = await fetch(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'x' }] }),
    })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    await using late = new RawClient(stage.url)
    await late.challenge()
    expect((await late.request('connect', connectParams)).error).toMatchObject({ code: 'UNAVAILABLE', details: { reason: 'draining' } })
    held.resolve()
    expect((await client.chatEnd('one')).payload).toMatchObject({ state: 'final' })
    await stopped
    expect(await client.closed).toEqual({ code: 1012, reason: 'service restart' })
    await expect(fetch(`${stage.url}/health`)).rejects.toThrow()
  })

  test('does not wait for calls that wait for approval, and tells who waits for their runs', async () => {
    const clock = new ManualClock()
    const deploy = defineTool({
      name: 'deploy',
      description: 'Deploys',
      inputSchema: { type: 'object' },
      risk: 'high',
      execute: () => 'done',
    })
    await using stage = await scene({
      gateway: { drainMs: 3_600_000, services: { clock } },
      model: ({ messages }) =>
        messages.at(-1)?.role === 'user' ? { calls: [{ id: 'a', name: 'deploy', input: {} as never }] } : { text: 'done' },
      agent: { tools: [deploy] },
    })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    const waiting = client.request('agent', { sessionKey: 'agent:main:b', message: 'hello', idempotencyKey: 'two' })
    const reading = fetch(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-beamclaw-session-key': 'agent:main:c' },
      body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'x' }] }),
    })
    while ((await stage.claw.approvals.list()).length < 3) await flushEventLoop()
    const stopped = stage.gateway.stop()
    // No time passes until all are told.
    expect(await client.closed).toEqual({ code: 1012, reason: 'service restart' })
    expect((await reading).status).toBe(503)
    await clock.advance(1_000)
    await stopped
    expect((await waiting).payload).toMatchObject({ status: 'accepted' })
    expect(await stage.claw.approvals.list()).toHaveLength(3)
  })

  test('does not wait longer than it was told to', async () => {
    const clock = new ManualClock()
    await using stage = await scene({ gateway: { drainMs: 5_000, services: { clock } }, model: () => new Promise(() => {}) })
    await using client = await RawClient.connected(stage.url)
    await client.ask('chat.send', hello)
    let isStopped = false
    const stopped = stage.gateway.stop().then(() => {
      isStopped = true
    })
    await clock.advance(4_999)
    await flushEventLoop()
    expect(isStopped).toBe(false)
    await clock.advance(1)
    expect(await client.closed).toMatchObject({ code: 1012 })
    await clock.advance(1_000)
    await stopped
  })

  test('cuts off who still reads when the time is over', async () => {
    const clock = new ManualClock()
    const started = Promise.withResolvers<void>()
    await using stage = await scene({
      gateway: { drainMs: 1, services: { clock } },
      model: () => {
        started.resolve()
        return new Promise(() => {})
      },
    })
    const reading = fetch(`${stage.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'x' }] }),
    })
    const failed = expect(reading).rejects.toThrow()
    await started.promise
    const aborted = once(stage.model.signals[0] as AbortSignal, 'abort')
    const stopped = stage.gateway.stop()
    await clock.advance(1)
    await clock.advance(1_000)
    await stopped
    await failed
    await aborted
  })

  test('tells who waits for a run of a session that it goes on later, and how to get its answer', async ({ onTestFinished }) => {
    const warnings: Error[] = []
    const warn = (warning: Error): void => void warnings.push(warning)
    process.on('warning', warn)
    onTestFinished(() => void process.off('warning', warn))
    const clock = new ManualClock()
    await using stage = await scene({ gateway: { drainMs: 1, services: { clock } }, model: () => new Promise(() => {}) })
    const ask = (key: string, stream: boolean) =>
      fetch(`${stage.url}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-beamclaw-session-key': `agent:main:${key}`,
          'idempotency-key': key,
          connection: 'close',
        },
        body: JSON.stringify({ model: 'beamclaw', stream, messages: [{ role: 'user', content: 'x' }] }),
      })
    const asked = Array.from({ length: 16 }, (_, index) => ask(`key-${index}`, index % 2 === 0))
    while (stage.model.signals.length < asked.length) await flushEventLoop()
    const stopped = stage.gateway.stop()
    await clock.advance(1)
    for (const answer of await Promise.all(asked)) {
      const text = await answer.text()
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
      const { error } = JSON.parse(text) as { readonly error: { readonly code: string; readonly message: string } }
      expect(error).toMatchObject({ code: 'run-interrupted', message: expect.stringMatching(/"Idempotency-Key: key-\d+"/) })
    }
    await clock.advance(1_000)
    await stopped
    expect(warnings).toEqual([])
    expect(await stage.claw.session('agent:main:key-1').inspect()).toMatchObject({ current: { runId: 'key-1' } })
  })

  test('may be asked twice, and before it started', async () => {
    await using stage = await scene()
    await Promise.all([stage.gateway.stop(), stage.gateway.stop()])
  })
})
