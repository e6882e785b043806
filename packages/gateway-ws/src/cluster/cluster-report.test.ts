import { defineTool } from '@beamclaw/core'
import { flushEventLoop, ManualClock } from '@beamclaw/core/testing'
import { expect, test, vi } from 'vitest'
import { gateways } from '../testing/gateways.ts'
import { RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'
import { ClusterReport } from './cluster-report.ts'

const token = 'a-secret-token'
const authorized = { headers: { authorization: `Bearer ${token}` } }

test('Prometheus reads what this node does, with the token of the gateway alone', async () => {
  await using stage = await scene({ gateway: { auth: { mode: 'token', token } } })
  await stage.claw.session('agent:main:chat').send('hello').result()
  expect((await fetch(`${stage.url}/metrics`)).status).toBe(401)
  const response = await fetch(`${stage.url}/metrics`, authorized)
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  const lines = (await response.text()).split('\n')
  expect(lines).toContain('beamclaw_sessions_awake 1')
  expect(lines).toContain('beamclaw_nodes{state="up"} 1')
  expect(lines).toContain('beamclaw_ready 1')
  // Each metric has its help and its type before its values, and each value is a number.
  for (const line of lines.filter((one) => one !== '' && !one.startsWith('#'))) {
    expect(line).toMatch(/^beamclaw_[a-z0-9_]+(?:\{state="[a-z]+"\})? \d+(?:\.\d+)?$/)
    const [name] = line.split(/[ {]/)
    expect(lines).toContain(`# TYPE ${name} gauge`)
  }
})

test('a scaler reads a number of nodes, and a client the nodes', async () => {
  await using stage = await scene()
  const scale = (await (await fetch(`${stage.url}/v1/cluster/scale`)).json()) as object
  const row = { id: 'solo', state: 'up', load: expect.any(Number), busy_sessions: 0, runs_active: 0, runs_waiting: 0, pod_deletion_cost: 0 }
  expect(scale).toEqual({ desired_nodes: 1, nodes: [row] })
  await using client = await RawClient.connected(stage.url)
  expect(await client.ask('cluster.status', {})).toMatchObject({
    desiredNodes: 1,
    nodes: [{ id: 'solo', isSelf: true, state: 'up', sessions: 0, busySessions: 0, version: '1.2.3' }],
  })
  await expect(client.ask('cluster.drain', { id: 'nowhere' })).rejects.toThrow()
})

test('a client reads the tree of each node in outline', async () => {
  await using stage = await scene()
  for (const name of ['a', 'b', 'c']) await stage.claw.session(`agent:main:${name}`).send('hello').accepted
  await using client = await RawClient.connected(stage.url, { scopes: ['operator.read'] })
  const { nodes } = (await client.ask('cluster.tree', { mostChildren: 2 })) as { readonly nodes: readonly object[] }
  expect(nodes).toMatchObject([{ id: 'solo', isSelf: true, state: 'up', tree: { id: 'beamclaw', type: 'supervisor', state: 'running' } }])
  expect(JSON.stringify(await client.ask('cluster.tree', {}))).toContain('agent:main:a')
  for (const mostChildren of [0, 101, 1.5, '3']) await expect(client.ask('cluster.tree', { mostChildren })).rejects.toThrow()
})

test('the status says which version of the settings a node has, and why it could not apply it', async () => {
  await using stage = await scene()
  await using client = await RawClient.connected(stage.url)
  const settings = async (): Promise<unknown> =>
    ((await client.ask('cluster.status', {})) as { nodes: { settings?: unknown }[] }).nodes[0]?.settings
  expect(await settings()).toBeUndefined()
  stage.claw.cluster.settings.on(({ value }) => {
    if (value.isBad === true) throw new Error('cannot apply it')
  })
  await vi.waitFor(async () => expect(await settings()).toEqual({ version: 0 }))
  await stage.claw.cluster.settings.update(() => ({ isBad: true }))
  await vi.waitFor(async () => expect(await settings()).toEqual({ version: 1, problem: 'cannot apply it' }))
})

/** Returns the value of a metric without labels. */
async function metricOf(url: string, name: string): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n')
  return Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1))
}

test('Prometheus reads how many runs are under way, and how many messages wait for one', async () => {
  const held = Promise.withResolvers<void>()
  await using stage = await scene({ model: () => held.promise.then(() => ({ text: 'done' })) })
  const results: Promise<unknown>[] = []
  for (const [chat, messages] of [
    ['a', 3],
    ['b', 1],
  ] as const)
    for (let number = 1; number <= messages; number++) {
      const run = stage.claw.session(`agent:main:${chat}`).send(`message ${number}`)
      results.push(run.result())
      await run.accepted
    }
  expect(await metricOf(stage.url, 'beamclaw_runs_active')).toBe(2)
  expect(await metricOf(stage.url, 'beamclaw_runs_waiting')).toBe(2)
  expect(await metricOf(stage.url, 'beamclaw_sessions_busy')).toBe(2)
  held.resolve()
  await Promise.all(results)
  expect(await metricOf(stage.url, 'beamclaw_runs_active')).toBe(0)
  expect(await metricOf(stage.url, 'beamclaw_runs_waiting')).toBe(0)
  expect(await metricOf(stage.url, 'beamclaw_sessions_orphaned')).toBe(0)
})

test('a run that waits for approval alone counts as none', async () => {
  const pay = defineTool({ name: 'pay', description: 'Pays', inputSchema: { type: 'object' }, risk: 'high', execute: () => 'paid' })
  await using stage = await scene({
    model: ({ messages }) =>
      messages.at(-1)?.role === 'user' ? { calls: [{ id: 'a', name: 'pay', input: {} as never }] } : { text: 'paid' },
    agent: { tools: [pay] },
  })
  const run = stage.claw.session('agent:main:chat').send('pay')
  await run.accepted
  await vi.waitFor(async () => expect(await stage.claw.approvals.list()).toHaveLength(1))
  await vi.waitFor(async () => expect(await metricOf(stage.url, 'beamclaw_runs_active')).toBe(0))
  const [request] = await stage.claw.approvals.list()
  await stage.claw.approvals.approve(request?.id ?? '')
  await run.result()
})

test('Kubernetes is told to end the node with the fewest runs first, whichever node says so', async () => {
  const held = Promise.withResolvers<void>()
  await using stage = await gateways({ model: () => held.promise.then(() => ({ text: 'done' })) })
  const [first] = stage.nodes
  const keys = Array.from({ length: 7 }, (_, number) => `agent:main:chat-${number}`)
  const results = keys.map((key) => first.claw.session(key).send('hello').result())
  await vi.waitFor(async () => {
    const status = await first.claw.cluster.status()
    expect(status.reduce((sum, { activity }) => sum + (activity?.activeRuns ?? 0), 0)).toBe(7)
  })
  for (const { url } of stage.nodes) {
    const { nodes } = (await (await fetch(`${url}/v1/cluster/scale`)).json()) as { readonly nodes: readonly Record<string, number>[] }
    expect(nodes.reduce((sum, { runs_active: runs = 0 }) => sum + runs, 0)).toBe(7)
    for (const { runs_active: runs = 0, pod_deletion_cost: cost } of nodes) expect(cost).toBe(10_001 * runs)
  }
  held.resolve()
  await Promise.all(results)
})

test('a node that was emptied is not ready, and says so', async () => {
  await using stage = await scene()
  await using client = await RawClient.connected(stage.url, { scopes: ['operator.admin'] })
  expect((await fetch(`${stage.url}/ready`)).status).toBe(200)
  expect(await client.ask('cluster.drain', { id: 'solo', force: true })).toEqual({ id: 'solo' })
  const response = await fetch(`${stage.url}/ready`)
  expect([response.status, await response.json()]).toEqual([503, { status: 'draining' }])
  expect(await (await fetch(`${stage.url}/metrics`)).text()).toContain('beamclaw_ready 0')
})

test('each node gives the same advice, whichever was asked before, and when each was started', async () => {
  const clock = new ManualClock()
  await using stage = await gateways({ count: 3 })
  const loads = new Map<string, number>()
  const begin = (index: number): ClusterReport => {
    const { id, claw } = stage.nodes[index] as (typeof stage.nodes)[0]
    const startedAt = clock.monotonic()
    const measure = () => ({ load: loads.get(id) ?? 0.01, eventLoopDelayP99Ms: 0, rssBytes: 1 })
    return new ClusterReport({
      claw,
      version: '1.2.3',
      uptimeMs: () => clock.monotonic() - startedAt,
      clock,
      load: { measure, stop: () => {} },
    })
  }
  const adviceOf = async (report: ClusterReport): Promise<number> => (await report.survey()).desiredNodes
  /** Moves the clock, and waits until each of so many reports has looked at all nodes, and waits to do so again. */
  const pass = async (seconds: number, looking: number): Promise<void> => {
    for (let passed = 0; passed < seconds; passed += 5) {
      await clock.advance(5_000)
      while (clock.pendingTimers < looking) await flushEventLoop()
    }
  }
  const reports = [begin(0), begin(1)]
  // The first one has not looked yet.
  for (const report of reports.toReversed()) expect(await adviceOf(report)).toBe(3)
  await pass(10, 2)
  reports.push(begin(2))
  for (const report of reports) expect(await adviceOf(report)).toBe(3)
  // A node that has left counts no more, also for one that was asked while it was there.
  await stage.nodes[2]?.claw.stop()
  const [first, second] = reports as [ClusterReport, ClusterReport]
  await vi.waitFor(() => expect(stage.nodes.slice(0, 2).map(({ claw }) => claw.cluster.nodes.length)).toEqual([2, 2]))
  for (const report of [first, second]) expect(await adviceOf(report)).toBe(2)
  // No client asks, and yet the time counts.
  loads.set('web-2', 3)
  await pass(20, 2)
  loads.set('web-2', 0.01)
  await pass(5, 2)
  for (const report of [first, second]) expect(await adviceOf(report)).toBe(6)
  // One that has seen none of this says the same.
  const late = begin(1)
  for (const report of [first, late]) expect(await adviceOf(report)).toBe(6)
  await pass(310, 3)
  for (const report of [first, second, late]) expect(await adviceOf(report)).toBe(1)
  for (const report of [...reports, late]) report.stop()
})
