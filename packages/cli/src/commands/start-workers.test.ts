// `beamclaw start --workers` as processes: what is left of the runs when a worker, or the parent, is killed.
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { GatewayClient } from '../client/gateway-client.ts'
import { type GatewayProcess, startGateway } from '../testing/gateway-process.ts'
import { runCli } from '../testing/run-cli.ts'

let folder: string
let model: ModelServer
let release: () => void
let asked: number
let gateways: GatewayProcess[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'beamclaw-workers-'))
  const held = Promise.withResolvers<void>()
  release = held.resolve
  asked = 0
  model = await startModelServer({
    answers: async () => {
      asked++
      await held.promise
      return { text: 'fine' }
    },
  })
  gateways = []
})

afterEach(async () => {
  release()
  for (const { child } of gateways) child.kill('SIGKILL')
  await Promise.all(gateways.map(({ exited }) => exited))
  await until('no process is left', () => gateways.flatMap(pidsOf).every((pid) => !isAlive(pid)))
  await model.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface LogRecord {
  readonly event?: string
  readonly pids?: string
  readonly worker?: string
}

function logOf({ output }: GatewayProcess): readonly LogRecord[] {
  return output()
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogRecord] : []))
}

/** The processes of the workers that were started first. */
function pidsOf(gateway: GatewayProcess): readonly number[] {
  const text = logOf(gateway).find(({ event }) => event === 'workers.started')?.pids ?? ''
  return text.split(',').filter(Boolean).map(Number)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A process that has ended is listed until its parent has waited for it.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 10) {
    if (waited > 20_000) throw new Error(`not within 20 s: ${what}\n${gateways.map(({ output }) => output()).join('\n')}`)
    await sleep(10)
  }
}

async function start(workers: number | 'auto', more: readonly string[] = []): Promise<GatewayProcess> {
  const file = join(folder, 'beamclaw.yaml')
  const providers = `providers: { local: { type: openai, apiKey: none, baseUrl: '${model.baseUrl}' } }`
  writeFileSync(file, `${providers}\nagents: { main: { model: local/first } }\nworkers: ${workers}\n`)
  const gateway = await startGateway(['--config', file, '--data-dir', join(folder, 'data'), ...more])
  gateways.push(gateway)
  if (workers !== 'auto') await untilReady(gateway, workers)
  return gateway
}

function untilReady(gateway: GatewayProcess, count: number): Promise<void> {
  return until(`${count} workers are ready`, () => logOf(gateway).filter(({ event }) => event === 'gateway.ready').length >= count)
}

function requestFor(session: string): RequestInit {
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-beamclaw-session-key': `agent:main:${session}`,
      'idempotency-key': `key-${session}`,
    },
    body: JSON.stringify({ model: 'beamclaw', messages: [{ role: 'user', content: 'hello' }] }),
  }
}

/** Sends a message until its answer has come: a connection to a worker that was killed breaks, and the same key brings the same run. */
async function send({ url }: GatewayProcess, session: string): Promise<string | undefined> {
  for (;;) {
    try {
      const response = await fetch(`${url}/v1/chat/completions`, requestFor(session))
      const body = (await response.json()) as { readonly choices?: readonly { readonly message: { readonly content: string } }[] }
      if (response.ok) return body.choices?.[0]?.message.content
    } catch {
      // The worker was killed.
    }
    await sleep(50)
  }
}

const sessions = Array.from({ length: 50 }, (_, index) => `s${index}`)

async function expectOnce(gateway: GatewayProcess): Promise<void> {
  await using client = await GatewayClient.connect({ url: gateway.url, token: undefined })
  for (const session of sessions) {
    const history = await client.request('chat.history', { sessionKey: `agent:main:${session}`, limit: 50 })
    if ('kind' in history) throw new Error('a part of the history')
    const roles = history.messages.map(({ role }) => role)
    expect([session, ...roles]).toEqual([session, 'user', 'assistant'])
  }
}

describe('two workers over one data directory', () => {
  test('a worker that is killed under 50 runs leaves them to the other one: all end, once', async () => {
    const gateway = await start(2)
    const answers = Promise.all(sessions.map((session) => send(gateway, session)))
    await until('all runs ask the model', () => asked >= 50)
    const [victim = 0] = pidsOf(gateway)
    const killedAt = performance.now()
    process.kill(victim, 'SIGKILL')
    release()
    expect(await answers).toEqual(sessions.map(() => 'fine'))
    console.log(`all runs ended ${Math.round(performance.now() - killedAt)} ms after the kill`)
    await expectOnce(gateway)
    await untilReady(gateway, 3)
    expect(logOf(gateway).filter(({ event }) => event === 'workers.died')).toHaveLength(1)
  })

  test('a worker that stands still is ended, and its runs go on at the other one', async () => {
    const gateway = await start(2)
    const answers = Promise.all(sessions.map((session) => send(gateway, session)))
    await until('all runs ask the model', () => asked >= 50)
    const [victim = 0] = pidsOf(gateway)
    process.kill(victim, 'SIGSTOP')
    release()
    expect(await answers).toEqual(sessions.map(() => 'fine'))
    await expectOnce(gateway)
    expect(logOf(gateway).map(({ event }) => event)).toContain('workers.silent')
  })

  test('when the parent is killed no worker is left, and the next start goes on with every run', async () => {
    const gateway = await start(2)
    const sent = Promise.all(sessions.map((session) => send(gateway, session).catch(() => undefined)))
    sent.catch(() => {})
    await until('all runs ask the model', () => asked >= 50)
    gateway.child.kill('SIGKILL')
    await until('no worker is left', () => pidsOf(gateway).every((pid) => !isAlive(pid)))
    release()
    const next = await start(2, ['--port', new URL(gateway.url).port])
    expect(await sent).toEqual(sessions.map(() => 'fine'))
    await expectOnce(next)
  })

  test('a port that workers of a killed parent still leave is waited for', async () => {
    const leaving = createServer().listen(0, '127.0.0.1')
    await once(leaving, 'listening')
    const { port } = leaving.address() as AddressInfo
    const starting = start(2, ['--port', String(port)])
    await sleep(1_000)
    leaving.close()
    release()
    expect(await send(await starting, 'waited')).toBe('fine')
  })

  test('SIGTERM lets the runs of all workers end, and then every process', async () => {
    const gateway = await start(2)
    const answers = Promise.all(sessions.map((session) => send(gateway, session)))
    await until('all runs ask the model', () => asked >= 50)
    gateway.child.kill('SIGTERM')
    await until('both workers drain', () => logOf(gateway).filter(({ event }) => event === 'gateway.draining').length === 2)
    release()
    expect(await gateway.exited).toBe(0)
    expect(pidsOf(gateway).some(isAlive)).toBe(false)
    // An answer on its way from one worker through another may have broken off: the same key brings it.
    const next = await start(2, ['--port', new URL(gateway.url).port])
    expect(await answers).toEqual(sessions.map(() => 'fine'))
    await expectOnce(next)
  })
})

describe('beamclaw cluster drain', () => {
  const owners = (): ReadonlySet<string | undefined> => {
    const { owners: found } = JSON.parse(readFileSync(join(folder, 'data', 'shards.json'), 'utf8')) as {
      readonly owners: readonly string[]
    }
    return new Set(found.map((owner) => owner.split('/')[0]))
  }

  test('moves the conversations and shards of a worker under way to the other one, and leaves it empty', async () => {
    const gateway = await start(2)
    const answers = Promise.all(sessions.map((session) => send(gateway, session)))
    await until('all runs ask the model', () => asked >= 50)
    release()
    const drained = await runCli(['cluster', 'drain', 'worker-1', '--url', gateway.url])
    expect([drained.code, drained.errors, drained.output]).toEqual([0, '', expect.stringContaining('worker-1 takes no new conversations')])
    expect(await answers).toEqual(sessions.map(() => 'fine'))
    await until('the other one has all shards', () => !owners().has('worker-1'))
    expect(await Promise.all(sessions.map((session) => send(gateway, session)))).toEqual(sessions.map(() => 'fine'))
    await expectOnce(gateway)
    const status = await runCli(['cluster', 'nodes', '--url', gateway.url, '--json'])
    expect([status.code, status.errors]).toEqual([0, ''])
    const { nodes } = JSON.parse(status.output) as {
      readonly nodes: readonly { readonly id: string; readonly state: string; readonly sessions: number }[]
    }
    expect(nodes.map(({ id, state }) => [id, state])).toEqual([
      ['worker-1', 'draining'],
      ['worker-2', 'up'],
    ])
    expect(nodes[0]?.sessions).toBe(0)

    // Its end is no end of the others: it comes back, and takes part again.
    process.kill(pidsOf(gateway)[0] ?? 0, 'SIGTERM')
    await untilReady(gateway, 3)
    expect(logOf(gateway).filter(({ event }) => event === 'workers.died')).toHaveLength(1)
    expect(await send(gateway, 'afterwards')).toBe('fine')
  })
})

describe('a second signal', () => {
  test('ends the parent and its workers at once, whatever they do', async () => {
    const gateway = await start(2)
    const sent = Promise.all(
      sessions.map((session) => fetch(`${gateway.url}/v1/chat/completions`, requestFor(session)).catch(() => undefined)),
    )
    await until('all runs ask the model', () => asked >= 50)
    gateway.child.kill('SIGTERM')
    await until('both workers drain', () => logOf(gateway).filter(({ event }) => event === 'gateway.draining').length === 2)
    await sleep(300)
    gateway.child.kill('SIGTERM')
    await gateway.exited
    await until('no worker is left', () => !pidsOf(gateway).some(isAlive))
    await sent
  })
})

describe('what keeps workers from starting', () => {
  test.each([
    ['0', 'a whole number from 1 to 128'],
    ['1000', 'a whole number from 1 to 128'],
    ['-1', 'a whole number from 1 to 128'],
    ['many', 'a whole number from 1 to 128'],
  ])('--workers %s', async (workers, expected) => {
    const { code, errors } = await runCli(['start', '--workers', workers, '--data-dir', join(folder, 'data')])
    expect([code, errors]).toEqual([2, expect.stringContaining(expected)])
  })

  test('a directory that other workers have: one line says which process that is', async () => {
    const first = await start(2)
    const refused = await runCli(['start', '--workers', '2', '--port', '0', '--data-dir', join(folder, 'data')])
    const line = `beamclaw: ${join(folder, 'data')} is in use by process ${first.child.pid}; only one process may own a data directory`
    expect([refused.code, refused.errors.split('\n')]).toEqual([1, [expect.stringContaining(line), '']])
    expect(refused.errors).toContain('store-locked')
  })

  test('a directory of a single process is refused, and one of workers to a single process', async () => {
    const single = await startGateway(['--data-dir', join(folder, 'single')])
    gateways.push(single)
    single.child.kill('SIGTERM')
    await single.exited
    const refused = await runCli(['start', '--workers', '2', '--port', '0', '--data-dir', join(folder, 'single')])
    expect([refused.code, refused.errors]).toEqual([1, expect.stringContaining('has data of a single process')])

    const shared = await startGateway(['--workers', '1', '--data-dir', join(folder, 'shared')])
    gateways.push(shared)
    shared.child.kill('SIGTERM')
    expect(await shared.exited).toBe(0)
    const alone = await runCli(['start', '--port', '0', '--data-dir', join(folder, 'shared')])
    expect([alone.code, alone.errors]).toEqual([2, expect.stringContaining('Start it with --workers')])
    const backup = await runCli(['backup', join(folder, 'copy'), '--data-dir', join(folder, 'shared')])
    expect([backup.code, backup.errors]).toEqual([2, expect.stringContaining('name one shard')])
  })
})
