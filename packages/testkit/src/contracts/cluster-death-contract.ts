/** The part of the cluster contract about nodes that die, start again, or are cut off. */
import * as assert from './assert.ts'
import {
  assertNode,
  type ClusterTests,
  type ClusterUnderTest,
  type ContractNode,
  count,
  isolate,
  joined,
  clusterKey as key,
  kill,
  pairOf,
  patientMs,
  restarted,
  settled,
  stopAll,
  until,
} from './cluster-fixtures.ts'
import { expectRejection } from './store-fixtures.ts'

/** Resolves once the node has the key. */
async function untilClaimed(subject: ClusterUnderTest, { cluster }: ContractNode, name: string): Promise<number> {
  let epoch = 0
  await until(subject, `${cluster.self.id} gets ${name}`, async () => {
    const claim = await cluster.acquire(name).catch(async (error: unknown) => {
      await expectRejection(Promise.reject(error), 'fenced')
      return undefined
    })
    epoch = claim?.token.epoch ?? 0
    return claim !== undefined
  })
  return epoch
}

export const deathTests: ClusterTests = {
  async 'a node that died is no member any more, and the others are told once'(subject) {
    const [one, other] = await pairOf(subject)
    const { self } = other.cluster
    await kill(subject, other.cluster)
    await until(subject, 'a node is told who has died', () => count(one.host.left, self) > 0 && count(one.cluster.members, self) === 0)
    await one.cluster.announce({ load: 1 })
    await until(subject, 'a node sees itself', () => one.cluster.members.some(({ load }) => load === 1))
    assert.equal(count(one.host.left, self), 1, 'how often a node is told of one that died')
    assert.equal(one.host.isolations, 0)
  },
  async 'what was asked of a node that died rejects node-gone, and so does what is asked then'(subject) {
    const [one, other] = await pairOf(subject)
    other.host.reply = () => new Promise(() => {})
    const pending = [1, 2].map((n) => one.cluster.request(other.cluster.self, n, { timeoutMs: patientMs }))
    const rejected = Promise.all(pending.map((call) => expectRejection(call, 'node-gone')))
    rejected.catch(() => {})
    await until(subject, 'the requests have arrived', () => other.host.requests.length === 2)
    await kill(subject, other.cluster)
    await settled(subject, 'what was asked before', rejected)
    const next = one.cluster.request(other.cluster.self, 3, { timeoutMs: patientMs })
    await expectRejection(settled(subject, 'what is asked then', next), 'node-gone')
  },
  async 'the keys of a node that died go to the others, above what it had'(subject) {
    const [one, other] = await pairOf(subject)
    const lease = await other.cluster.acquire(key, 1_000_000)
    const mine = await one.cluster.acquire('agent:ops:mine')
    await kill(subject, other.cluster)
    assert.greater(await untilClaimed(subject, one, key), lease.token.epoch)
    const location = await one.cluster.locate(key)
    assertNode(location.node, one.cluster.self)
    assert.equal(location.isOwner, true)
    await one.cluster.release(mine)
  },
  async 'the next life of a node is another one for the others, too'(subject) {
    const [one, other] = await pairOf(subject)
    const { self: before } = one.cluster
    const again = await joined(await restarted(subject))
    assert.equal(again.cluster.self.id, before.id)
    assert.notEqual(again.cluster.self.incarnation, before.incarnation)
    await until(
      subject,
      'the other node knows the new life alone',
      () => count(other.cluster.members, again.cluster.self) === 1 && count(other.cluster.members, before) === 0,
    )
    await until(
      subject,
      'it is told of both',
      () => count(other.host.joined, again.cluster.self) === 1 && count(other.host.left, before) === 1,
    )
    await expectRejection(
      settled(subject, 'a request to the old life', other.cluster.request(before, 1, { timeoutMs: patientMs })),
      'node-gone',
    )
    assert.equal(await other.cluster.request(again.cluster.self, 2, { timeoutMs: patientMs }), 2)
    await again.cluster.stop()
    await stopAll([one, other])
  },
}

export const isolationTests: ClusterTests = {
  async 'a node that is cut off is told before another one gets its keys'(subject) {
    const [one, other] = await pairOf(subject)
    const { self } = other.cluster
    await other.cluster.acquire(key)
    const heal = await isolate(subject, other.cluster)
    await untilClaimed(subject, one, key)
    assert.equal([other.host.isolations, one.host.isolations], [1, 0], 'how often each node was told that it is cut off')
    await until(subject, 'the others are told', () => count(one.host.left, self) === 1 && count(one.cluster.members, self) === 0)
    await heal()
  },
  async 'a node that is back is another incarnation, a member, and owns nothing'(subject) {
    const [one, other] = await pairOf(subject)
    const { self: before } = other.cluster
    const lease = await other.cluster.acquire(key)
    const heal = await isolate(subject, other.cluster)
    await until(subject, 'the node is told that it is cut off', () => other.host.isolations > 0)
    assert.equal(other.host.rejoined, [])
    await heal()
    await until(subject, 'the node is told that it is back', () => other.host.rejoined.length > 0)
    const { self } = other.cluster
    assertNode(other.host.rejoined[0], self)
    assert.equal([self.id === before.id, self.incarnation === before.incarnation], [true, false], 'the same id, another incarnation')
    assert.equal(count(other.cluster.members, self), 1)
    await until(
      subject,
      'the other one knows the new life alone',
      () => count(one.cluster.members, self) === 1 && count(one.cluster.members, before) === 0,
    )
    await until(subject, 'it is told of both', () => count(one.host.left, before) === 1 && count(one.host.joined, self) === 1)
    await other.cluster.release(lease).catch(() => {})
    assert.greater(await untilClaimed(subject, one, key), lease.token.epoch)
    assert.equal(await one.cluster.request(self, 1, { timeoutMs: patientMs }), 1)
    assert.equal([other.host.isolations, other.host.rejoined.length], [1, 1], 'how often the node was told')
    await stopAll([one, other])
  },
}
