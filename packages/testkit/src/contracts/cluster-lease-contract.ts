/** The part of the cluster contract about the ownership of keys. */
import { type Cluster, MemoryStore, type StoreKey } from '@beamclaw/core'
import * as assert from './assert.ts'
import { anotherNode, type ClusterTests, clusterKey as key, restarted } from './cluster-fixtures.ts'
import { expectRejection, logRecords, storeKey } from './store-fixtures.ts'

const logKey: StoreKey = storeKey('sessions', 'ops', 'main')

export const leaseTests: ClusterTests = {
  async 'a lease names its key, its owner, a token and an end'({ cluster }) {
    const lease = await cluster.acquire(key)
    assert.matches(lease, { key, owner: cluster.self.id })
    assert.greater(cluster.self.id.length, 0)
    const { epoch } = lease.token
    assert.isTrue(Number.isSafeInteger(epoch) && epoch > 0, `the epoch is a whole number from 1, received ${epoch}`)
    assert.greater(lease.token.nonce.length, 0)
    // Wall time in milliseconds; the clocks of two machines may differ by some.
    assert.greater(lease.expiresAt, Date.now() - 3_600_000, 'the end of a lease')
  },
  async 'each grant of a key is above the last'({ cluster }) {
    const epochs: number[] = []
    for (let round = 0; round < 20; round++) epochs.push((await cluster.acquire(key)).token.epoch)
    assert.equal(
      epochs,
      [...new Set(epochs)].toSorted((a, b) => a - b),
    )
  },
  async 'a grant is above an epoch that was asked for'({ cluster }) {
    const { token } = await cluster.acquire(key)
    const above = token.epoch + 1_000_000
    const higher = await cluster.acquire(key, above)
    assert.greater(higher.token.epoch, above)
    assert.greater((await cluster.acquire(key)).token.epoch, higher.token.epoch)
  },
  async 'grants at once differ, and so do nonces'({ cluster }) {
    const leases = await Promise.all(Array.from({ length: 20 }, (_, index) => cluster.acquire(`agent:ops:${index % 4}`)))
    assert.equal(new Set(leases.map(({ token }) => token.nonce)).size, 20)
    const epochsOf = (name: string): number[] => leases.filter((lease) => lease.key === name).map(({ token }) => token.epoch)
    for (let index = 0; index < 4; index++) assert.equal(new Set(epochsOf(`agent:ops:${index}`)).size, 5)
  },
  async 'any name of a key will do'({ cluster }) {
    for (const name of ['a', 'A', 'ä', '__proto__', 'a b', 'x'.repeat(600)]) assert.equal((await cluster.acquire(name)).key, name)
  },
}

export const releaseTests: ClusterTests = {
  async 'a key that was given up can be had again'({ cluster }) {
    const first = await cluster.acquire(key)
    await cluster.release(first)
    await cluster.release(first)
    assert.greater((await cluster.acquire(key)).token.epoch, first.token.epoch)
  },
  async 'giving up an old lease leaves the new one alone'({ cluster }) {
    const old = await cluster.acquire(key)
    const current = await cluster.acquire(key)
    await cluster.release(old)
    const log = await new MemoryStore().openLog(logKey, current.token)
    await log.append(logRecords(1))
  },
}

export const fencingTests: ClusterTests = {
  async 'the token of a later grant fences the one before'({ cluster }) {
    const store = new MemoryStore()
    const first = await store.openLog(logKey, (await cluster.acquire(key)).token)
    await first.append(logRecords(1))
    const second = await store.openLog(logKey, (await cluster.acquire(key)).token)
    await expectRejection(first.append(logRecords(2)), 'fenced')
    await second.append(logRecords(2))
  },
  async 'a log that a clock ahead of ours has opened can be had by asking above its epoch'({ cluster }) {
    const store = new MemoryStore()
    const { token } = await cluster.acquire(key)
    await store.openLog(logKey, { epoch: token.epoch + 1_000_000, nonce: 'ahead' })
    const error = await expectRejection(store.openLog(logKey, (await cluster.acquire(key)).token), 'fenced')
    const again = await cluster.acquire(key, error.details.epoch as number)
    await (await store.openLog(logKey, again.token)).append(logRecords(1))
  },
}

export const restartTests: ClusterTests = {
  async 'a node that was restarted tells its grants from those before'(subject) {
    const before = await Promise.all([subject.cluster.acquire(key), subject.cluster.acquire('agent:ops:other')])
    const next = await restarted(subject)
    assert.equal(next.self.id, subject.cluster.self.id)
    const after = await Promise.all([next.acquire(key), next.acquire('agent:ops:other')])
    assert.equal(new Set([...before, ...after].map(({ token }) => token.nonce)).size, 4, 'nonces that differ')
    await next.stop()
  },
  async 'after a crash the node gets its keys back, above what it had'(subject) {
    const store = new MemoryStore()
    const before = await store.openLog(logKey, (await subject.cluster.acquire(key)).token)
    await before.append(logRecords(1))
    const next = await restarted(subject)
    const after = await openAs(next, store)
    await after.append(logRecords(2))
    await expectRejection(before.append(logRecords(3)), 'fenced')
    await next.stop()
  },
}

export const joinTests: ClusterTests = {
  async 'a key that a live node holds is refused to the others until it is given up'(subject) {
    const other = await anotherNode(subject)
    assert.notEqual(other.self.id, subject.cluster.self.id)
    const lease = await subject.cluster.acquire(key)
    await expectRejection(other.acquire(key), 'fenced')
    await expectRejection(other.acquire(key, lease.token.epoch + 10), 'fenced')
    await subject.cluster.release(lease)
    assert.greater((await other.acquire(key)).token.epoch, lease.token.epoch)
    await other.stop()
  },
  async 'a refusal names the owner'(subject) {
    const other = await anotherNode(subject)
    await other.acquire(key)
    const { details } = await expectRejection(subject.cluster.acquire(key), 'fenced')
    assert.matches(details.owner, { id: other.self.id, incarnation: other.self.incarnation })
    await subject.cluster.acquire('agent:ops:mine')
    const refused = await expectRejection(other.acquire('agent:ops:mine'), 'fenced')
    assert.matches(refused.details.owner, { id: subject.cluster.self.id, incarnation: subject.cluster.self.incarnation })
    await other.stop()
  },
  async 'of two nodes that ask at once one gets the key'(subject) {
    const other = await anotherNode(subject)
    for (let round = 0; round < 10; round++) {
      const name = `agent:ops:${round}`
      const asked = await Promise.allSettled([subject.cluster.acquire(name), other.acquire(name)])
      assert.equal(asked.filter(({ status }) => status === 'fulfilled').length, 1, `nodes that got ${name}`)
      for (const outcome of asked) if (outcome.status === 'rejected') await expectRejection(Promise.reject(outcome.reason), 'fenced')
    }
    await other.stop()
  },
  async 'keys are told apart by every character'(subject) {
    const other = await anotherNode(subject)
    const long = 'x'.repeat(300)
    // Neighbours belong to different nodes.
    const names = ['agent:ops:main', 'agent:ops:Main', 'é', 'e\u0301', `${long}a`, `${long}b`, 'agent:ops', 'agent:ops:main ', '*', 'agent']
    for (const [index, name] of names.entries()) await (index % 2 === 0 ? subject.cluster : other).acquire(name)
    for (const [index, name] of names.entries()) await expectRejection((index % 2 === 0 ? other : subject.cluster).acquire(name), 'fenced')
    await other.stop()
  },
  async 'only the lease that holds a key frees it'(subject) {
    const other = await anotherNode(subject)
    const old = await subject.cluster.acquire(key)
    const lease = await subject.cluster.acquire(key)
    await subject.cluster.release(old)
    await expectRejection(other.acquire(key), 'fenced')
    await other.release(lease).catch(() => {})
    await expectRejection(other.acquire(key), 'fenced')
    await subject.cluster.release(lease)
    const theirs = await other.acquire(key)
    await subject.cluster.release(lease)
    await subject.cluster.release(theirs).catch(() => {})
    await expectRejection(subject.cluster.acquire(key), 'fenced')
    await other.stop()
  },
  async 'epochs grow from node to node'(subject) {
    const other = await anotherNode(subject)
    let last = 0
    for (let round = 0; round < 6; round++) {
      const node = round % 2 === 0 ? subject.cluster : other
      const lease = await node.acquire(key, round === 2 ? last + 1_000_000 : 0)
      assert.greater(lease.token.epoch, last, `the epoch of grant ${round}`)
      last = lease.token.epoch
      await node.release(lease)
    }
    await other.stop()
  },
  async 'a node that was stopped gives its keys up'(subject) {
    const other = await anotherNode(subject)
    const lease = await other.acquire(key)
    await subject.cluster.acquire('agent:ops:mine')
    await other.stop()
    assert.greater((await subject.cluster.acquire(key)).token.epoch, lease.token.epoch)
    const third = await anotherNode(subject)
    await expectRejection(third.acquire('agent:ops:mine'), 'fenced')
    await third.stop()
  },
}

/** Opens the log as a session does: a token that is too low asks for a higher one. */
async function openAs(cluster: Cluster, store: MemoryStore) {
  const { token } = await cluster.acquire(key)
  return store.openLog(logKey, token).catch(async (error: { readonly details: { readonly epoch: number } }) => {
    const again = await cluster.acquire(key, error.details.epoch)
    return store.openLog(logKey, again.token)
  })
}
