/** A reconnect storm over several gateways: one of them dies with its clients and acknowledged messages, and its clients come to the others at once. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CrowdReport, RawClient, ReturningClients } from '@beamclaw/gateway-ws/testing'
import { type GatewayProcess, startGateway } from 'beamclaw/testing'
import { LabRedis } from '../lab/redis-server.ts'
import {
  everyRun,
  manyAddresses,
  megabytesOf,
  percentile,
  runs,
  sendAll,
  sessions,
  slowestAnswer,
  stormModel,
  tellCrowds,
} from './storm-parts.ts'

export interface NodesStormOptions {
  readonly clients: number
  /** At least 2. */
  readonly nodes: number
  /** Hears a line now and then. */
  readonly report: (line: string) => void
}

/** Time limits: until 99 of 100 clients of the dead gateway are in elsewhere, until all are, and until all clients have caught up. */
const limits = { p99InMs: 30_000, allInMs: 60_000, allHeardMs: 60_000 }

/** Sessions go on at other nodes some seconds after their node has died. */
const takeOverMs = 15_000

/** The clients of one gateway, half of them behind one address. */
interface Crowd {
  readonly shared: ReturningClients
  readonly own: ReturningClients
}

/** Resolves with what went wrong, a line each. */
export async function stormOverNodes({ clients, nodes, report }: NodesStormOptions): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-storm-'))
  await using redis = await LabRedis.begin()
  const held = Promise.withResolvers<void>()
  const model = await stormModel(held.promise)
  const config = join(folder, 'beamclaw.yaml')
  const local = `{ type: openai, apiKey: none, baseUrl: '${model.baseUrl}' }`
  writeFileSync(
    config,
    `store: { type: redis, url: 'unix://${redis.socket}' }\nproviders: { local: ${local} }\nagents: { main: { model: local/scripted-1 } }\n`,
  )
  const gateways: GatewayProcess[] = []
  const crowds: Crowd[] = []
  const problems: string[] = []
  try {
    for (let number = 1; number <= nodes; number++)
      gateways.push(await startGateway(['--config', config, '--port', '0'], { BEAMCLAW_NODE_ID: `node-${number}` }))
    const urls = gateways.map(({ url }) => url)
    const each = Math.ceil(clients / nodes)
    for (const [index, url] of urls.entries()) {
      const others = urls.filter((other) => other !== url)
      const half = Math.ceil(each / 2)
      crowds.push({
        shared: new ReturningClients({ url, others, sessions, clients: half, addresses: [`127.1.0.${index + 1}`] }),
        own: new ReturningClients({ url, others, sessions, clients: each - half, addresses: manyAddresses(each - half, index * 64) }),
      })
    }
    const [dying] = crowds as [Crowd, ...Crowd[]]
    const all = async (of: readonly Crowd[], what: (crowd: ReturningClients) => Promise<CrowdReport>): Promise<readonly CrowdReport[]> => {
      const reports = await Promise.all(of.flatMap(({ shared, own }) => [what(shared), what(own)]))
      problems.push(...reports.flatMap((report) => report.problems))
      return reports
    }
    const [victim, other] = gateways as [GatewayProcess, GatewayProcess]
    await using witness = await RawClient.connected(other.url)
    await sendAll(witness, runs.before)
    await Promise.all(sessions.map((sessionKey) => witness.ask('agent.wait', { sessionKey, runId: runs.before[1] })))
    const names = urls.flatMap((_, index) => [`node-${index + 1}, of one address`, `node-${index + 1}, of an address each`])
    tellCrowds(report, 'came for the first time', names, await all(crowds, (crowd) => crowd.enter()))
    await sendAll(witness, runs.atTheEnd)

    victim.child.kill('SIGKILL')
    const startedAt = performance.now()
    await victim.exited
    await all([dying], (crowd) => crowd.cutOff())
    held.resolve()
    const entering = all([dying], (crowd) => crowd.enter())
    let isOver = false
    const slowest = slowestAnswer(witness, () => isOver)
    await sendAll(witness, runs.during)
    const sentMs = performance.now() - startedAt
    const entered = await entering
    isOver = true
    const allInMs = performance.now() - startedAt
    tellCrowds(report, `came to the others within ${seconds(allInMs)} s`, names.slice(0, 2), entered)
    report(
      `   messages to every session were accepted after ${seconds(sentMs)} s; the slowest answer to health took ${Math.round(await slowest)} ms`,
    )
    for (const [index, { entered: times }] of entered.entries()) {
      const p99 = percentile(times, 0.99)
      if (p99 > limits.p99InMs) problems.push(`99 of 100 clients of ${names[index]} were in after ${p99} ms`)
    }
    if (allInMs > limits.allInMs) problems.push(`it took ${Math.round(allInMs)} ms until all were in`)
    // A client of a gateway that lives does not connect again: it hears all of this only over the connection that it has.
    await all(crowds, (crowd) => crowd.hearAll(everyRun, takeOverMs + limits.allHeardMs))
    report(`   all clients of all nodes knew of every run after ${seconds(performance.now() - startedAt)} s`)
    report(`   resident: ${gateways.slice(1).map(megabytesOf).join(' and ')} MB`)
    return [...new Set(problems)]
  } finally {
    held.resolve()
    await Promise.all(crowds.flatMap(({ shared, own }) => [shared.end(), own.end()]))
    for (const gateway of gateways) {
      gateway.child.kill('SIGKILL')
      await gateway.exited
    }
    await model.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}
