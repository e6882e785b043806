/** Three nodes over one Redis: a message enters at a node that does not have the conversation, and the one that has it is killed in the middle of the answer. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspectRedis } from '@beamclaw/store-redis'
import { ChildNode } from './child-node.ts'
import { startRedis } from './start-redis.ts'

/** Each run has names of its own in Redis: its nodes join no other cluster there, and its conversation begins anew. */
const prefix = `example-13-${randomUUID()}`

async function run(url: string): Promise<void> {
  const found = await inspectRedis({ url, prefix })
  if (!found.isReached) throw found.error
  if (found.refusal !== undefined) throw found.refusal
  const nodes = ['node-1', 'node-2', 'node-3'].map((id) => new ChildNode(id, url, prefix))
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
  }
}

const folder = mkdtempSync(join(tmpdir(), 'beamclaw-example-'))
const { REDIS_URL: given } = process.env
let redis: Awaited<ReturnType<typeof startRedis>> | undefined
try {
  if (given === undefined) redis = await startRedis(folder)
  await run(given ?? `unix://${join(folder, 'redis.sock')}`)
  if (given !== undefined) console.log(`its keys in your Redis begin with ${prefix}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  redis?.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
