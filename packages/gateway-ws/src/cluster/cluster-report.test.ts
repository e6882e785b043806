import { expect, test } from 'vitest'
import { RawClient } from '../testing/raw-client.ts'
import { scene } from '../testing/scene.ts'

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
  expect(scale).toEqual({ desired_nodes: 1, nodes: [{ id: 'solo', state: 'up', load: expect.any(Number), busy_sessions: 0 }] })
  await using client = await RawClient.connected(stage.url)
  expect(await client.ask('cluster.status', {})).toMatchObject({
    desiredNodes: 1,
    nodes: [{ id: 'solo', isSelf: true, state: 'up', sessions: 0, busySessions: 0, version: '1.2.3' }],
  })
  await expect(client.ask('cluster.drain', { id: 'nowhere' })).rejects.toThrow()
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
