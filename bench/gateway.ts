/** The gateway: rates of handshakes, responses and broadcasts, and the cost of idle clients. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BeamClaw,
  defineAgent,
  MemoryStore,
  type Provider,
  type RunningBeamClaw,
  type Store,
  silentLogger,
  zeroUsage,
} from '@beamclaw/core'
import { Gateway } from '@beamclaw/gateway-ws'
import { FsStore } from '@beamclaw/store-fs'
import { type WebSocket, WebSocketServer } from 'ws'
import { ClientProcess, connectedClient } from './lib/gateway-clients.ts'
import { GatewayProcess } from './lib/gateway-process.ts'
import { askTurns } from './lib/gateway-turns.ts'
import { type Bench, median, medianRatio, type Result } from './lib/result.ts'

const starts = 7
const rounds = 7
const hellos = 200
const idleClients = 500
const idleSeconds = 5
const sessionKey = 'agent:main:fan-out'
const word = 'a few words of an answer '

/** Pieces of an answer that are said before others get their turn. */
const burst = 25

/** By number of clients: the number of answers, and the pieces of each. 1,000 pieces are a long answer. */
const answersFor = { 1: [20, 1_000], 100: [1, 1_000], 1000: [1, 100] } as const

/** Ends the last answer. */
const theEnd = 'that is the end'

/** A model that answers at once: to `pieces N` with N pieces, to `last N` with N pieces and an end. */
const instant: Provider = {
  async *doStream({ messages }) {
    const [, what, count] = /^(pieces|last) (\d+)$/.exec(String(messages.at(-1)?.content)) ?? []
    const pieces = Number(count ?? 1)
    for (let index = 1; index <= pieces; index++) {
      yield { type: 'text-delta', text: word }
      if (index % burst === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    if (what === 'last') yield { type: 'text-delta', text: theEnd }
    yield { type: 'finish', reason: 'stop', usage: zeroUsage }
  },
}

interface Served extends AsyncDisposable {
  readonly claw: RunningBeamClaw
  readonly url: string
}

async function serve(store: Store): Promise<Served> {
  const agents = [defineAgent({ id: 'main', model: 'instant/model' })]
  const claw = await new BeamClaw({ providers: { instant }, agents, store, services: { logger: silentLogger } }).start()
  const gateway = new Gateway({ claw, port: 0, drainMs: 0, services: { logger: silentLogger } })
  const { url } = await gateway.start()
  return {
    claw,
    url,
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await claw.stop()
    },
  }
}

async function hello(): Promise<Result> {
  await using served = await serve(new MemoryStore())
  const times: number[] = []
  for (let index = 0; index < hellos; index++) {
    const startedAt = performance.now()
    const ws = await connectedClient(served.url)
    times.push(performance.now() - startedAt)
    ws.terminate()
  }
  const value = median(times)
  return { bench: 'gateway', metric: 'WebSocket hello, p50', value, unit: 'ms', score: value, target: { atMost: 15 } }
}

async function turns(): Promise<readonly Result[]> {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-bench-'))
  try {
    await using served = await serve(new FsStore({ path: folder }))
    await askTurns({ url: served.url, name: 'warm', turns: 500, atOnce: 8 })
    const one = await askTurns({ url: served.url, name: 'one', turns: 500, atOnce: 1 })
    const many = await askTurns({ url: served.url, name: 'many', turns: 3_000, atOnce: 64 })
    return [
      {
        bench: 'gateway',
        metric: 'turn of a durable session, 1 at a time, p50',
        value: one.p50,
        unit: 'ms',
        score: one.p50,
        target: { atMost: 6 },
      },
      {
        bench: 'gateway',
        metric: 'turns of 64 durable sessions',
        value: many.perSecond,
        unit: 'turns/s',
        score: many.perSecond,
        target: { atLeast: 300 },
      },
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Messages in a second that reach clients of a bare server, which sends each the same text. */
async function bareDeliveries(clients: number, pieces: number): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', clientTracking: true })
  await once(server, 'listening')
  const address = server.address() as { readonly port: number }
  const payload = { runId: 'bench', sessionKey, agentId: 'main', seq: 1_000, state: 'delta', deltaText: word }
  const text = JSON.stringify({ type: 'event', event: 'chat', payload, seq: 1_000 })
  await using process = await ClientProcess.start({ url: `ws://127.0.0.1:${address.port}`, clients, until: '"the-end"' })
  const send = (message: string): void => {
    for (const ws of server.clients as Set<WebSocket>) ws.send(message)
  }
  const startedAt = performance.now()
  for (let index = 1; index <= pieces; index++) {
    send(text)
    if (index % burst === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  send('"the-end"')
  const messages = await process.done
  const perSecond = messages / ((performance.now() - startedAt) / 1_000)
  for (const ws of server.clients) ws.terminate()
  server.close()
  return perSecond
}

/** Pieces in a second that reach clients; those that are ready at the same time may come as one message. */
async function gatewayDeliveries(clients: number, answers: number, pieces: number): Promise<number> {
  await using served = await serve(new MemoryStore())
  await using process = await ClientProcess.start({ url: served.url, clients, until: theEnd, sessionKey })
  const session = served.claw.session(sessionKey)
  const startedAt = performance.now()
  for (let index = 1; index < answers; index++) await session.send(`pieces ${pieces}`).accepted
  await session.send(`last ${pieces}`).accepted
  await process.done
  return (clients * answers * pieces) / ((performance.now() - startedAt) / 1_000)
}

async function fanOut(clients: keyof typeof answersFor): Promise<Result> {
  const [answers, pieces] = answersFor[clients]
  const bare: number[] = []
  const ours: number[] = []
  // Both sides are warm before they count; they are taken in turns, so that a slow moment of the machine meets both.
  await bareDeliveries(clients, answers * pieces)
  await gatewayDeliveries(clients, answers, pieces)
  for (let round = 0; round < rounds; round++) {
    bare.push(await bareDeliveries(clients, answers * pieces))
    ours.push(await gatewayDeliveries(clients, answers, pieces))
  }
  return {
    bench: 'gateway',
    metric: `pieces of answers of one session to ${clients} client${clients === 1 ? '' : 's'}`,
    value: median(ours),
    unit: 'deliveries/s',
    reference: { name: 'bare ws broadcast', value: median(bare) },
    score: medianRatio(ours, bare),
    target: { atLeast: 0.6 },
  }
}

async function installed(): Promise<readonly Result[]> {
  const times: number[] = []
  for (let index = 0; index < starts; index++) {
    await using gateway = await GatewayProcess.start()
    times.push(gateway.startMs)
  }
  const startMs = median(times)
  await using gateway = await GatewayProcess.start()
  await seconds(2)
  const idleMegabytes = gateway.rssKilobytes / 1_024
  // The first connections grow the heap once; that is not a cost of each client.
  for (let index = 0; index < idleClients; index++) (await connectedClient(gateway.url)).terminate()
  await seconds(2)
  const clients: WebSocket[] = []
  const before = gateway.rssKilobytes
  for (let index = 0; index < idleClients; index++) clients.push(await connectedClient(gateway.url))
  await seconds(2)
  const each = (gateway.rssKilobytes - before) / idleClients
  const cpuBefore = gateway.cpuSeconds
  await seconds(idleSeconds)
  const cpu = ((gateway.cpuSeconds - cpuBefore) / idleSeconds) * 100
  for (const ws of clients) ws.terminate()
  return [
    { bench: 'gateway', metric: 'process start to /health', value: startMs, unit: 'ms', score: startMs, target: { atMost: 400 } },
    { bench: 'gateway', metric: 'idle process, resident', value: idleMegabytes, unit: 'MB', score: idleMegabytes, target: { atMost: 90 } },
    {
      bench: 'gateway',
      metric: `${idleClients} idle clients, resident, each`,
      value: each,
      unit: 'KB',
      score: each,
      target: { atMost: 25 },
    },
    { bench: 'gateway', metric: `${idleClients} idle clients, of a core`, value: cpu, unit: '%', score: cpu, target: { atMost: 1 } },
  ]
}

function seconds(count: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, count * 1_000))
}

export const gateway: Bench = {
  name: 'gateway',
  async run() {
    return [await hello(), ...(await turns()), await fanOut(1), await fanOut(100), await fanOut(1_000), ...(await installed())]
  },
}
