/** Three nodes over one Redis: a message enters at a node that does not have the conversation, and the one that has it is killed in the middle of the answer. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ChildNode } from './child-node.ts'
import { startRedis } from './start-redis.ts'

const folder = mkdtempSync(join(tmpdir(), 'beamclaw-example-'))
const redis = process.env.REDIS_URL === undefined ? await startRedis(folder) : undefined
const url = process.env.REDIS_URL ?? `unix://${join(folder, 'redis.sock')}`
const nodes = ['node-1', 'node-2', 'node-3'].map((id) => new ChildNode(id, url))
try {
  await Promise.all(nodes.map(({ ready }) => ready))
  console.log('three nodes over one Redis')
  const [first] = nodes as [ChildNode]
  await first.ask('send', 'hello')
  const ownerId = await first.ask<string>('owner')
  const owner = nodes.find(({ id }) => id === ownerId) as ChildNode
  const [asker, other] = nodes.filter((node) => node !== owner) as [ChildNode, ChildNode]

  const answer = asker.ask<string>('send', 'help')
  await sleep(300)
  await owner.kill()
  console.log('the node that has the conversation is killed, in the middle of an answer')
  console.log(`another node goes on: ${(await answer).split('\n')[0]}`)
  console.log(`and the third one reads ${await other.ask<number>('length')} messages: two questions, two answers`)
} finally {
  await Promise.all(nodes.map((node) => node.kill().catch(() => {})))
  redis?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
