/** `processes.*` over a WebSocket; each frame is checked against the published schema as it comes. */
import { ProcessTable, parseAgentId, parseRunId, parseSessionKey } from '@beamclaw/core'
import { type ScriptedProcess, ScriptedSandbox } from '@beamclaw/core/testing'
import { expect, test } from 'vitest'
import { implementProcesses } from './process-methods.ts'
import { RawClient } from './testing/raw-client.ts'
import { scene } from './testing/scene.ts'

const sessionKey = 'agent:main:a'
const owner = { sessionKey: parseSessionKey(sessionKey), agentId: parseAgentId('main'), runId: parseRunId('r1'), callKey: 'r1:1:0' }

async function running(scopes?: readonly string[]) {
  const sandbox = new ScriptedSandbox()
  const table = new ProcessTable({ sandboxes: [sandbox] })
  const stage = await scene({ claw: { parts: [table] }, gateway: { methods: [implementProcesses(table)] } })
  const client = await RawClient.connected(stage.url, scopes === undefined ? {} : { scopes })
  const begin = async (label: string): Promise<{ readonly id: string; readonly process: ScriptedProcess }> => {
    const command = await sandbox.prepare({ argv: ['sleep', '9'], workspace: '/work' })
    const { id } = await table.of().start(command, owner, { label, notify: false })
    return { id, process: sandbox.started.at(-1) as ScriptedProcess }
  }
  return {
    client,
    begin,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await stage[Symbol.asyncDispose]()
    },
  }
}

const operator = ['operator.read', 'operator.write', 'operator.approvals']

test('a process is listed, read, written to and killed', async () => {
  await using set = await running(operator)
  const { client } = set
  const { id, process } = await set.begin('one')
  process.print('hello')
  expect((await client.request('processes.list', {})).payload).toMatchObject({ processes: [{ id, command: 'one', status: 'running' }] })
  expect((await client.request('processes.list', { agentId: 'other' })).payload).toEqual({ processes: [] })
  expect((await client.request('processes.get', { id })).payload).toMatchObject({ id, sessionKey, outputBytes: 5 })
  expect((await client.request('processes.tail', { id })).payload).toMatchObject({ text: 'hello', isEnd: false })
  expect((await client.request('processes.read', { id, from: 2 })).payload).toMatchObject({ text: 'llo', next: 5 })
  await client.request('processes.write', { id, text: 'x', endInput: true })
  expect([process.input, process.isInputEnded]).toEqual(['x', true])
  expect((await client.request('processes.kill', { id })).payload).toMatchObject({ status: 'killed', signal: 'SIGTERM' })
  expect((await client.request('processes.get', { id: 'no-such' })).error).toMatchObject({ details: { code: 'unknown-process' } })
})

test('who may read is told of one that runs and of one that has ended, and may not write to it', async () => {
  await using set = await running(['operator.read'])
  const changed = async (status: string) =>
    (await set.client.frame(({ event, payload }) => event === 'processes.changed' && payload?.status === status)).payload
  const { id, process } = await set.begin('one')
  expect(await changed('running')).toMatchObject({ id, sessionKey, command: 'one' })
  process.print('done')
  process.exit(3)
  expect(await changed('exited')).toMatchObject({ id, exitCode: 3, outputBytes: 4 })
  for (const [method, params] of [
    ['processes.write', { id, text: 'x' }],
    ['processes.kill', { id }],
  ] as const)
    expect((await set.client.request(method, params)).error).toMatchObject({ code: 'FORBIDDEN' })
})
