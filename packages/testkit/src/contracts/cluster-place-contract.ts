/** The part of the cluster contract about where a key is, and how it moves. */
import type { Lease } from '@beamclaw/core'
import * as assert from './assert.ts'
import {
  assertNode,
  type ClusterTests,
  type ContractNode,
  count,
  isSame,
  joinedNodes,
  clusterKey as key,
  pairOf,
  pass,
  stopAll,
  until,
} from './cluster-fixtures.ts'
import { expectRejection } from './store-fixtures.ts'

const freeKeys: readonly string[] = Array.from({ length: 24 }, (_, index) => `agent:ops:free-${index}`)

/** Fails unless all nodes find the key at the node. */
async function foundAt(nodes: readonly ContractNode[], name: string, node: ContractNode, isOwner: boolean): Promise<void> {
  for (const { cluster } of nodes) {
    const location = await cluster.locate(name)
    assertNode(location.node, node.cluster.self, `where ${cluster.self.id} finds ${name}`)
    assert.equal(location.isOwner, isOwner, `whether ${name} has an owner`)
  }
}

export const placeTests: ClusterTests = {
  async 'every node finds a key at its owner'(subject) {
    const nodes = await pairOf(subject)
    for (const [index, owner] of nodes.entries()) {
      for (const name of [`agent:ops:${index}`, `__proto__${index}`, `ä ${index}`]) {
        await owner.cluster.acquire(name)
        await foundAt(nodes, name, owner, true)
      }
    }
    await stopAll(nodes)
  },
  async 'a key without an owner has one place, a member, for every node'(subject) {
    const [one, other] = await pairOf(subject)
    for (const name of freeKeys) {
      const { node, isOwner } = await one.cluster.locate(name)
      assert.equal(isOwner, false, `whether ${name} has an owner`)
      assert.equal(count(one.cluster.members, node), 1, `the members that are ${node.id}`)
      assertNode((await other.cluster.locate(name)).node, node, `the place of ${name}`)
    }
    await stopAll([one, other])
  },
  async 'to look for a key claims it for no node'(subject) {
    const [one, other] = await pairOf(subject)
    for (const name of freeKeys.slice(0, 8)) {
      await Promise.all([one.cluster.locate(name), other.cluster.locate(name)])
      await other.cluster.acquire(name)
      await foundAt([one], name, other, true)
    }
    await stopAll([one, other])
  },
  async 'a key that was released has a place, and no owner'(subject) {
    const [one, other] = await pairOf(subject)
    await other.cluster.release(await other.cluster.acquire(key))
    assert.equal((await one.cluster.locate(key)).isOwner, false)
    assert.equal((await other.cluster.locate(key)).isOwner, false)
    await stopAll([one, other])
  },
  async 'a place tells whether the key was granted since another look, unless places are fixed'(subject) {
    const [one, other] = await pairOf(subject)
    const epochs: (number | undefined)[] = []
    const look = async (): Promise<void> => {
      const [here, there] = await Promise.all([one.cluster.locate(key), other.cluster.locate(key)])
      assert.equal(here.epoch, there.epoch, 'the epoch that another node sees')
      epochs.push(here.epoch)
    }
    for (const { cluster } of [one, other, one]) {
      await look()
      await look()
      const lease = await cluster.acquire(key)
      await look()
      await cluster.release(lease)
      await look()
    }
    if (one.cluster.hasFixedPlaces !== true) {
      const [first] = epochs
      assert.equal(first, 0, 'the epoch of a key that was never granted')
      assert.equal(new Set(epochs).size, 4, 'the number of epochs of three grants')
    }
    await stopAll([one, other])
  },
  async 'a node that drains is the place of no new key while another is up, and keeps those that it has'(subject) {
    const [one, other] = await pairOf(subject)
    await other.cluster.acquire(key)
    await other.cluster.announce({ state: 'draining' })
    await until(subject, 'no node places a key at the one that drains', async () => {
      for (const { cluster } of [one, other])
        for (const name of freeKeys) if (!isSame((await cluster.locate(name)).node, one.cluster.self)) return false
      return true
    })
    await until(subject, 'both see that it drains', () =>
      [one, other].every(({ cluster: { members } }) => members.some(({ state }) => state === 'draining')),
    )
    await foundAt([one, other], key, other, true)
    await stopAll([one, other])
  },
  async 'a key has a place when every node drains'(subject) {
    const [one, other] = await pairOf(subject)
    for (const { cluster } of [one, other]) await cluster.announce({ state: 'draining' })
    await until(subject, 'a node sees that all drain', () => one.cluster.members.every(({ state }) => state === 'draining'))
    assert.equal(count(one.cluster.members, (await one.cluster.locate(key)).node), 1)
    await stopAll([one, other])
  },
  async 'the keys of a node that was stopped are placed elsewhere'(subject) {
    const [one, other] = await pairOf(subject)
    for (const name of freeKeys.slice(0, 8)) await other.cluster.acquire(name)
    await other.cluster.stop()
    await until(subject, 'no node looks for a key at the one that was stopped', async () => {
      for (const name of freeKeys) if (!isSame((await one.cluster.locate(name)).node, one.cluster.self)) return false
      return true
    })
    for (const name of freeKeys.slice(0, 8)) await foundAt([one], name, one, false)
  },
}

/** Three nodes, and a lease of the first one that it has released to the second. */
async function handedOver(subject: Parameters<typeof joinedNodes>[0]) {
  const nodes = await joinedNodes(subject, 3)
  const [source, target, third] = nodes as readonly [ContractNode, ContractNode, ContractNode]
  const lease: Lease = await source.cluster.acquire(key)
  await source.cluster.release(lease, target.cluster.self)
  return { nodes, source, target, third, lease }
}

async function assertRefused({ cluster }: ContractNode, inTheWay: ContractNode): Promise<void> {
  const { details } = await expectRejection(cluster.acquire(key), 'fenced')
  assertNode(details.owner, inTheWay.cluster.self, 'the owner that a refusal names')
}

export const handOverTests: ClusterTests = {
  async 'a key that is handed over goes to that node alone, and is found there'(subject) {
    const { nodes, source, target, third, lease } = await handedOver(subject)
    await assertRefused(third, target)
    await assertRefused(source, target)
    await foundAt(nodes, key, target, false)
    const next = await target.cluster.acquire(key)
    assert.greater(next.token.epoch, lease.token.epoch)
    await foundAt(nodes, key, target, true)
    await stopAll(nodes)
  },
  async 'a hand-over that was taken is over'(subject) {
    const { nodes, target, third } = await handedOver(subject)
    await target.cluster.release(await target.cluster.acquire(key))
    await third.cluster.acquire(key)
    await foundAt(nodes, key, third, true)
    await stopAll(nodes)
  },
  async 'a hand-over lapses after 5 seconds'(subject) {
    const { nodes, target, third } = await handedOver(subject)
    await pass(subject, 3_000)
    await assertRefused(third, target)
    await pass(subject, 2_500)
    await third.cluster.acquire(key)
    await assertRefused(target, third)
    await stopAll(nodes)
  },
  async 'only the lease that holds a key hands it over'(subject) {
    const nodes = await joinedNodes(subject, 3)
    const [source, target, third] = nodes as readonly [ContractNode, ContractNode, ContractNode]
    const old = await source.cluster.acquire(key)
    const lease = await source.cluster.acquire(key)
    await source.cluster.release(old, target.cluster.self)
    await assertRefused(target, source)
    await third.cluster.release(lease, third.cluster.self).catch(() => {})
    await assertRefused(third, source)
    await source.cluster.release(lease)
    await source.cluster.release(lease, target.cluster.self)
    await third.cluster.acquire(key)
    await stopAll(nodes)
  },
}
