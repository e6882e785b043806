/** Requests for approval over WebSocket and HTTP; each frame is checked against the published schema as it comes. */
import { defineTool } from '@beamclaw/core'
import { describe, expect, test } from 'vitest'
import { RawClient } from '../testing/raw-client.ts'
import { type Scene, type SceneOptions, scene } from '../testing/scene.ts'

const scopes = ['operator.read', 'operator.write', 'operator.approvals']

interface Deploying extends AsyncDisposable {
  readonly stage: Scene
  readonly ran: string[]
}

/** A gateway whose agent calls a tool that asks. */
async function deploying(options: SceneOptions = {}): Promise<Deploying> {
  const ran: string[] = []
  const deploy = defineTool<{ to: string }>({
    name: 'deploy',
    description: 'Deploys',
    inputSchema: { type: 'object' },
    risk: 'high',
    execute: ({ to }) => {
      ran.push(to)
      return `deployed ${to}`
    },
  })
  const stage = await scene({
    model: ({ messages }) => {
      const last = messages.at(-1)
      if (last?.role === 'user') return { calls: [{ id: 'a', name: 'deploy', input: { to: 'prod' } as never }] }
      return { text: last?.role === 'tool' ? String(last.content[0]?.content) : '' }
    },
    agent: { tools: [deploy] },
    ...options,
  })
  return { stage, ran, [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose]() }
}

const send = { sessionKey: 'agent:main:a', message: 'go', idempotencyKey: 'one' }

interface Requested {
  readonly id: string
  readonly request: { readonly command: string; readonly allowedDecisions: readonly string[] }
}

/** Resolves with the payload of the first event of this name. */
async function told(client: RawClient, name: string): Promise<Requested> {
  return (await client.frame(({ event }) => event === name)).payload as unknown as Requested
}

describe('a call that waits', () => {
  test('is told to those who may approve, is listed, and runs once it is allowed', async () => {
    await using set = await deploying()
    await using client = await RawClient.connected(set.stage.url, { scopes })
    await using other = await RawClient.connected(set.stage.url)
    await client.ask('chat.send', send)
    const requested = await told(client, 'exec.approval.requested')
    expect(requested.request).toMatchObject({
      command: expect.stringContaining('"to": "prod"'),
      allowedDecisions: ['allow-once', 'allow-always', 'deny'],
    })
    expect(await client.ask('exec.approval.list')).toEqual([requested])
    expect(await client.ask('exec.approval.get', { id: requested.id })).toEqual(requested)
    const waiting = client.ask('exec.approval.waitDecision', { id: requested.id })
    expect(await client.ask('exec.approval.resolve', { id: requested.id, decision: 'allow-once' })).toEqual({
      id: requested.id,
      decision: 'allow-once',
      grants: [],
    })
    expect(await told(client, 'exec.approval.resolved')).toMatchObject({
      id: requested.id,
      outcome: 'approved',
      resolvedBy: expect.stringMatching(/^connection:/),
    })
    expect(await waiting).toEqual({ id: requested.id, decision: 'allow-once' })
    await client.chatEnd('one')
    expect(set.ran).toEqual(['prod'])
    expect(other.heard.some(({ event }) => event?.startsWith('exec.approval') === true)).toBe(false)
  })

  test('is decided once, whoever is second', async () => {
    await using set = await deploying()
    await using client = await RawClient.connected(set.stage.url, { scopes })
    await client.ask('chat.send', send)
    const { id } = await told(client, 'exec.approval.requested')
    await client.ask('exec.approval.resolve', { id, decision: 'deny', reason: 'No.' })
    expect((await client.request('exec.approval.resolve', { id, decision: 'allow-once' })).error).toMatchObject({
      code: 'INVALID_REQUEST',
      details: { code: 'already-resolved' },
    })
    expect(await client.ask('exec.approval.waitDecision', { id })).toEqual({ id, decision: 'deny' })
    expect((await client.request('exec.approval.resolve', { id: 'nothing', decision: 'deny' })).error).toMatchObject({
      code: 'APPROVAL_NOT_FOUND',
    })
    await client.chatEnd('one')
    expect(set.ran).toEqual([])
  })

  test('makes a grant, which is listed and revoked', async () => {
    await using set = await deploying()
    await using client = await RawClient.connected(set.stage.url, { scopes })
    await client.ask('chat.send', send)
    const { id } = await told(client, 'exec.approval.requested')
    await client.ask('exec.approval.resolve', {
      id,
      decision: 'allow-always',
      reviewer: { channel: 'chat', accountId: 'x', senderId: 'ada' },
    })
    await client.chatEnd('one')
    await client.ask('chat.send', { ...send, idempotencyKey: 'two' })
    await client.chatEnd('two')
    expect(set.ran).toEqual(['prod', 'prod'])
    const { grants } = (await client.ask('exec.approval.grants.list')) as unknown as { grants: readonly { id: string }[] }
    expect(grants).toMatchObject([
      { scope: 'agent', agentId: 'main', subject: 'tool:deploy', by: expect.stringMatching(/^connection:.* for chat:ada$/) },
    ])
    expect(await client.ask('exec.approval.grants.revoke', { grantId: grants[0]?.id })).toEqual({ outcome: 'revoked' })
    expect(await client.ask('exec.approval.grants.revoke', { grantId: grants[0]?.id })).toEqual({ outcome: 'not-found' })
  })

  test.each([
    ['exec.approval.list', {}],
    ['exec.approval.get', { id: 'x' }],
    ['exec.approval.resolve', { id: 'x', decision: 'allow-once' }],
    ['exec.approval.waitDecision', { id: 'x' }],
    ['exec.approval.grants.list', {}],
    ['exec.approval.grants.revoke', { grantId: 'x' }],
  ])('%s needs the scope of approvals: writing is not enough', async (method, params) => {
    await using set = await deploying()
    await using client = await RawClient.connected(set.stage.url)
    expect((await client.request(method, params)).error).toMatchObject({
      code: 'FORBIDDEN',
      details: { missingScope: 'operator.approvals' },
    })
  })

  test('is decided over HTTP', async () => {
    await using set = await deploying()
    const { url, claw } = set.stage
    const run = claw.session('agent:main:a').send('go')
    const list = async (): Promise<readonly Requested[]> =>
      ((await (await fetch(`${url}/v1/approvals`)).json()) as { data: Requested[] }).data
    let waiting = await list()
    while (waiting.length === 0) waiting = await list()
    const address = `${url}/v1/approvals/${waiting[0]?.id}`
    const post = (body: string): Promise<Response> =>
      fetch(address, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
    expect(await (await fetch(address)).json()).toEqual(waiting[0])
    for (const bad of ['{', '[]', 'null', '{}', '{"decision":"yes"}', '{"decision":"deny","id":"other","more":1}'])
      expect((await post(bad)).status).toBe(400)
    expect(await (await post('{"decision":"allow-once"}')).json()).toMatchObject({ decision: 'allow-once' })
    expect((await post('{"decision":"deny"}')).status).toBe(409)
    expect((await fetch(`${url}/v1/approvals/nothing`)).status).toBe(404)
    expect((await run.result()).text).toBe('deployed prod')
  })
})
