/** What happens to nodes, their ways to Redis and Redis itself, one thing after the other, by chance. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '@beamclaw/core'
import { integerBetween, pickOne } from '@beamclaw/testkit/simulator'
import type { NodeProcess } from '../lab/node.ts'
import type { RedisNodes } from '../lab/redis-nodes.ts'

const faults = {
  'node killed': async ({ node }) => node.kill(),
  'node frozen': async ({ node, ms }) => {
    node.freeze()
    await sleep(ms)
    node.thaw()
  },
  'node drained': async ({ node, problems }) => {
    const isOver = await Promise.race([node.drain(500).then(() => node.stop()), sleep(30_000, undefined)])
    if (isOver !== 0) problems.push(`${node.id} was drained and stopped, and ended with ${isOver ?? 'nothing within 30 s'}`)
    await node.kill()
  },
  'killed in a drain': async ({ node, ms }) => {
    node.drain(500).catch(() => {})
    await sleep(ms / 20)
    await node.kill()
  },
  'connections cut': async ({ node, lab }) => lab.proxy(node.id).cut(),
  'cut off': async ({ node, lab, ms }) => {
    lab.proxy(node.id).swallow()
    await sleep(ms)
    lab.heal(node.id)
  },
  'requests lost': async ({ node, lab, ms }) => {
    lab.proxy(node.id).swallow('requests')
    await sleep(ms)
    lab.heal(node.id)
  },
  'replies late': async ({ node, lab, ms }) => {
    lab.proxy(node.id).hold('replies')
    await sleep(ms / 2)
    lab.proxy(node.id).pass()
  },
  'Redis killed': async ({ lab }) => lab.redis.restart(),
  'Redis frozen': async ({ lab, ms }) => {
    lab.redis.freeze()
    await sleep(ms / 2)
    lab.redis.thaw()
  },
} as const satisfies Record<string, (scene: FaultScene) => Promise<unknown>>

export type FaultName = keyof typeof faults

interface FaultScene {
  readonly lab: RedisNodes
  readonly node: NodeProcess
  readonly ms: number
  readonly problems: string[]
}

/** Has one thing happen to a node, and starts the node again if that has ended it. Resolves with what it was. */
export async function randomFault(lab: RedisNodes, random: Random, ttlMs: number, problems: string[]): Promise<FaultName> {
  const name = pickOne(random, Object.keys(faults) as FaultName[])
  const node = pickOne(random, lab.nodes)
  await faults[name]({ lab, node, ms: integerBetween(random, ttlMs / 4, 2 * ttlMs), problems })
  if (node.isOver) await lab.begin(node.id)
  return name
}
