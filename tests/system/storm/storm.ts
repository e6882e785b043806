/** A reconnect storm: the gateway dies with thousands of clients and acknowledged messages, starts again, and all of them come back at once. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CrowdReport, RawClient, ReturningClients } from '@beamclaw/gateway-ws/testing'
import { type GatewayProcess, startGateway } from 'beamclaw/testing'
import { everyRun, manyAddresses, megabytesOf, runs, sendAll, sessions, slowestAnswer, stormModel, tellCrowds } from './storm-parts.ts'

export interface StormOptions {
  readonly clients: number
  /** Hears a line now and then. */
  readonly report: (line: string) => void
}

const crowdNames = ['of one address', 'of an address each'] as const

/** Time limits of the storm: until all clients are connected, and until all have caught up. */
const limits = { allInMs: 60_000, allHeardMs: 60_000 }

/** Resolves with what went wrong, a line each. */
export async function storm({ clients, report }: StormOptions): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'beamclaw-storm-'))
  const held = Promise.withResolvers<void>()
  const model = await stormModel(held.promise)
  const config = join(folder, 'beamclaw.yaml')
  const local = `{ type: openai, apiKey: none, baseUrl: '${model.baseUrl}' }`
  writeFileSync(config, `providers: { local: ${local} }\nagents: { main: { model: local/scripted-1 } }\n`)
  const start = (port: string): Promise<GatewayProcess> =>
    startGateway(['--config', config, '--data-dir', join(folder, 'data'), '--port', port])
  let gateway = await start('0')
  const { url } = gateway
  const half = Math.ceil(clients / 2)
  const ofOneAddress = new ReturningClients({ url, sessions, clients: half, addresses: ['127.1.0.1'] })
  const ofTheirOwn = new ReturningClients({ url, sessions, clients: clients - half, addresses: manyAddresses(clients - half) })
  const crowds = [ofOneAddress, ofTheirOwn]
  const problems: string[] = []
  const all = async (what: (crowd: ReturningClients) => Promise<CrowdReport>): Promise<readonly CrowdReport[]> => {
    const reports = await Promise.all(crowds.map(what))
    problems.push(...reports.flatMap((each) => each.problems))
    return reports
  }
  try {
    const first = await RawClient.connected(url)
    await sendAll(first, runs.before)
    await Promise.all(sessions.map((sessionKey) => first.ask('agent.wait', { sessionKey, runId: runs.before[1] })))
    const idleMegabytes = megabytesOf(gateway)
    tellCrowds(report, 'came for the first time', crowdNames, await all((crowd) => crowd.enter()))
    const busyMegabytes = megabytesOf(gateway)
    await sendAll(first, runs.atTheEnd)
    gateway.child.kill('SIGKILL')
    await gateway.exited
    await first.closed
    await all((crowd) => crowd.cutOff())

    held.resolve()
    gateway = await start(new URL(url).port)
    const startedAt = performance.now()
    const entering = all((crowd) => crowd.enter())
    await using bystander = await RawClient.connected(url)
    report(`   a bystander was in after ${Math.round(performance.now() - startedAt)} ms`)
    let isOver = false
    const slowest = slowestAnswer(bystander, () => isOver)
    await sendAll(bystander, runs.during)
    const entered = await entering
    isOver = true
    const allInMs = performance.now() - startedAt
    tellCrowds(report, `came back within ${(allInMs / 1_000).toFixed(1)} s`, crowdNames, entered)
    report(`   the slowest answer to a bystander's health took ${Math.round(await slowest)} ms`)
    if (allInMs > limits.allInMs) problems.push(`it took ${Math.round(allInMs)} ms until all were in`)
    await all((crowd) => crowd.hearAll(everyRun, limits.allHeardMs))
    report(`   all knew of every run after ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`)
    report(
      `   resident: ${idleMegabytes} MB alone, ${busyMegabytes} MB with ${clients} clients, ${megabytesOf(gateway)} MB after they came back`,
    )
    return [...new Set(problems)]
  } finally {
    held.resolve()
    await Promise.all(crowds.map((crowd) => crowd.end()))
    gateway.child.kill('SIGKILL')
    await gateway.exited
    await model.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}
