// `beamclaw workers split`: from the data directory of one gateway, killed in the middle of a run, to that of workers.
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GatewayClient } from '../client/gateway-client.ts'
import { type GatewayProcess, startGateway } from '../testing/gateway-process.ts'
import { jsonLines, runCli } from '../testing/run-cli.ts'

let folder: string
let data: string
let model: ModelServer
let gateways: GatewayProcess[]
let isHeld: boolean

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-split-'))
  data = join(folder, 'data')
  isHeld = false
  model = await startModelServer({ answers: () => (isHeld ? new Promise<never>(() => {}) : { text: 'fine' }) })
  gateways = []
  const providers = `providers: { local: { type: openai, apiKey: none, baseUrl: '${model.baseUrl}' } }`
  writeFileSync(join(folder, 'beamclaw.yaml'), `${providers}\nagents: { main: { model: local/first } }\n`)
})

afterEach(async () => {
  for (const { child } of gateways) child.kill('SIGTERM')
  await Promise.all(gateways.map(({ exited }) => exited))
  await model.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function start(...more: readonly string[]): Promise<GatewayProcess> {
  const gateway = await startGateway(['--config', join(folder, 'beamclaw.yaml'), '--data-dir', data, ...more])
  gateways.push(gateway)
  return gateway
}

const split = (...flags: readonly string[]) => runCli(['workers', 'split', '--data-dir', data, ...flags], { cwd: folder })

async function send({ url }: GatewayProcess, session: string, signal?: AbortSignal): Promise<string | undefined> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-beamclaw-session-key': `agent:main:${session}`,
      'idempotency-key': `key-${session}`,
    },
    body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'hello' }] }),
    ...(signal === undefined ? {} : { signal }),
  })
  const body = (await response.json()) as { readonly choices?: readonly { readonly message: { readonly content: string } }[] }
  return body.choices?.[0]?.message.content
}

test('a gateway with conversations, killed in the middle of a run, goes on as workers: nothing is lost, nothing runs twice', async () => {
  const single = await start()
  const sessions = Array.from({ length: 12 }, (_, index) => `s${index}`)
  for (const session of sessions) expect(await send(single, session)).toBe('fine')
  const refused = await split()
  expect([refused.code, refused.errors]).toEqual([1, expect.stringContaining('is in use by process')])
  const planned = await split('--dry-run')
  expect([planned.code, planned.output]).toEqual([0, expect.stringMatching(/would be split into 16 shards: .* nothing was done\n$/)])

  isHeld = true
  const ending = new AbortController()
  const cut = send(single, 'under-way', ending.signal).catch(() => undefined)
  while (model.requests.length < sessions.length + 1) await new Promise((resolve) => setTimeout(resolve, 5))
  single.child.kill('SIGKILL')
  await single.exited
  ending.abort()
  await cut
  isHeld = false

  const early = await runCli(['start', '--workers', '2', '--port', '0', '--data-dir', data], { cwd: folder })
  expect([early.code, early.errors]).toEqual([1, expect.stringContaining('beamclaw workers split')])
  const done = await split('--json')
  expect(done.code).toBe(0)
  expect(jsonLines(done)[0]).toMatchObject({ path: data, outcome: 'split', leftOut: [], damagedFiles: 0 })
  expect(readdirSync(data).sort()).toEqual(['shards', 'shards.json', 'unsplit.old'])
  expect((await split()).output).toContain('there is nothing to do')

  const workers = await start('--workers', '2')
  expect(await send(workers, 'under-way')).toBe('fine')
  await using client = await GatewayClient.connect({ url: workers.url, token: undefined })
  for (const session of [...sessions, 'under-way']) {
    const history = await client.request('chat.history', { sessionKey: `agent:main:${session}`, limit: 50 })
    if ('kind' in history) throw new Error('a part of the history')
    expect([session, ...history.messages.map(({ role }) => role)]).toEqual([session, 'user', 'assistant'])
  }
  const { sessions: listed } = await client.request('sessions.list', { limit: 100 })
  expect(listed.length).toBe(sessions.length + 1)
})

test('a directory without data is refused, and none is made', async () => {
  const outcome = await split()
  expect([outcome.code, outcome.errors]).toEqual([1, expect.stringContaining('is no data directory')])
  expect(existsSync(data)).toBe(false)
})
