/** What the storms share: the conversations, the model, and what is told of them. */
import { readFileSync } from 'node:fs'
import type { CrowdReport, RawClient } from '@beamclaw/gateway-ws/testing'
import { type ModelServer, startModelServer } from '@beamclaw/testkit/model-server'
import type { GatewayProcess } from 'beamclaw/testing'

export const sessions = Array.from({ length: 50 }, (_, index) => `agent:main:storm-${index}`)
export const runs = { before: ['before-1', 'before-2'], atTheEnd: ['end-1', 'end-2'], during: ['during-1', 'during-2'] } as const
export const everyRun = [...runs.before, ...runs.atTheEnd, ...runs.during]

/** Starts a model that answers the runs that are under way at the end only once `held` has resolved. */
export function stormModel(held: Promise<void>): Promise<ModelServer> {
  return startModelServer({
    answers: async ({ body }) => {
      const said = JSON.stringify(body)
      if (said.includes(`say ${runs.atTheEnd[0]}`) && !said.includes(`say ${runs.during[0]}`)) await held
      return { text: 'fine' }
    },
  })
}

/** Returns addresses of loopback. @param block of 254 addresses with which they begin, from 0 to 255 */
export function manyAddresses(count: number, block = 0): readonly string[] {
  return Array.from({ length: count }, (_, index) => `127.2.${(block + Math.floor(index / 254)) % 256}.${(index % 254) + 1}`)
}

/** Sends each session these messages, one after the other. Resolves once all are acknowledged. */
export async function sendAll(client: RawClient, runIds: readonly string[]): Promise<void> {
  for (const runId of runIds) {
    await Promise.all(sessions.map((sessionKey) => client.ask('chat.send', { sessionKey, message: `say ${runId}`, idempotencyKey: runId })))
  }
}

/** Asks one thing after the other until it is over. Resolves with the most milliseconds that an answer took. */
export async function slowestAnswer(client: RawClient, isOver: () => boolean): Promise<number> {
  let slowest = 0
  while (!isOver()) {
    const askedAt = performance.now()
    await client.ask('health')
    slowest = Math.max(slowest, performance.now() - askedAt)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return slowest
}

/** Tells how long each of the crowds took to get in. */
export function tellCrowds(
  report: (line: string) => void,
  what: string,
  names: readonly string[],
  reports: readonly Pick<CrowdReport, 'entered' | 'refusals' | 'failures'>[],
): void {
  const lines = reports.map(({ entered, refusals, failures }, index) => {
    const times = `p50 ${percentile(entered, 0.5)} ms, p99 ${percentile(entered, 0.99)} ms, last ${percentile(entered, 1)} ms`
    return `\n     ${names[index]}: ${entered.length} in, ${times}, delayed ${refusals} times, failed ${failures} times`
  })
  report(`   ${what}${lines.join('')}`)
}

/** Returns the whole milliseconds within which this part of the clients was in. */
export function percentile(entered: readonly number[], part: number): number {
  const sorted = entered.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.ceil(sorted.length * part) - 1] ?? 0)
}

/** Returns the resident memory of a gateway. */
export function megabytesOf({ child }: GatewayProcess): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1_024)
}
