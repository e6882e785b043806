/** The contract of the Cluster port as a test suite: an adapter that passes it is a correct Cluster. */
import { type Cluster, MemoryStore, type StoreKey } from '@beamclaw/core'
import * as assert from './assert.ts'
import { type ContractOptions, type ContractTests, declareContract } from './contract.ts'
import { expectRejection, logRecords, storeKey } from './store-fixtures.ts'

/** A cluster for one test. */
export interface ClusterUnderTest {
  readonly cluster: Cluster
  /** Another process of the same node, started after a crash of the first: that one was not stopped, and its memory is lost. */
  restart?(): Promise<Cluster>
  /** Another node of the same cluster, at the same time. */
  join?(): Promise<Cluster>
  /** Called after the test, in addition to `stop` of what was made. */
  dispose?(): Promise<void>
}

type Tests = ContractTests<ClusterUnderTest>

const key = 'agent:ops:main'
const logKey: StoreKey = storeKey('sessions', 'ops', 'main')

function named<K extends 'restart' | 'join'>(subject: ClusterUnderTest, name: K): Promise<Cluster> {
  const make = subject[name]
  if (make === undefined) throw new Error(`clusterContract: give \`${name}\`, or skip the section "${name}" with a reason`)
  return make.call(subject)
}

const leaseTests: Tests = {
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

const releaseTests: Tests = {
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

const fencingTests: Tests = {
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

const restartTests: Tests = {
  async 'a node that was restarted tells its grants from those before'(subject) {
    const before = await Promise.all([subject.cluster.acquire(key), subject.cluster.acquire('agent:ops:other')])
    const restarted = await named(subject, 'restart')
    assert.equal(restarted.self.id, subject.cluster.self.id)
    const after = await Promise.all([restarted.acquire(key), restarted.acquire('agent:ops:other')])
    assert.equal(new Set([...before, ...after].map(({ token }) => token.nonce)).size, 4, 'nonces that differ')
    await restarted.stop()
  },
  async 'after a crash the node gets its keys back, above what it had'(subject) {
    const store = new MemoryStore()
    const before = await store.openLog(logKey, (await subject.cluster.acquire(key)).token)
    await before.append(logRecords(1))
    const restarted = await named(subject, 'restart')
    const after = await openAs(restarted, store)
    await after.append(logRecords(2))
    await expectRejection(before.append(logRecords(3)), 'fenced')
    await restarted.stop()
  },
}

const joinTests: Tests = {
  async 'a key that a live node holds is refused to the others until it is given up'(subject) {
    const other = await named(subject, 'join')
    assert.notEqual(other.self.id, subject.cluster.self.id)
    const lease = await subject.cluster.acquire(key)
    await expectRejection(other.acquire(key), 'fenced')
    await expectRejection(other.acquire(key, lease.token.epoch + 10), 'fenced')
    await subject.cluster.release(lease)
    assert.greater((await other.acquire(key)).token.epoch, lease.token.epoch)
    await other.stop()
  },
  async 'of two nodes that ask at once one gets the key'(subject) {
    const other = await named(subject, 'join')
    for (let round = 0; round < 10; round++) {
      const name = `agent:ops:${round}`
      const asked = await Promise.allSettled([subject.cluster.acquire(name), other.acquire(name)])
      assert.equal(asked.filter(({ status }) => status === 'fulfilled').length, 1, `nodes that got ${name}`)
      for (const outcome of asked) if (outcome.status === 'rejected') await expectRejection(Promise.reject(outcome.reason), 'fenced')
    }
    await other.stop()
  },
  async 'keys are told apart by every character'(subject) {
    const other = await named(subject, 'join')
    const long = 'x'.repeat(300)
    // Neighbours belong to different nodes.
    const names = ['agent:ops:main', 'agent:ops:Main', 'é', 'e\u0301', `${long}a`, `${long}b`, 'agent:ops', 'agent:ops:main ', '*', 'agent']
    for (const [index, name] of names.entries()) await (index % 2 === 0 ? subject.cluster : other).acquire(name)
    for (const [index, name] of names.entries()) await expectRejection((index % 2 === 0 ? other : subject.cluster).acquire(name), 'fenced')
    await other.stop()
  },
  async 'only the lease that holds a key frees it'(subject) {
    const other = await named(subject, 'join')
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
    const other = await named(subject, 'join')
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
    const other = await named(subject, 'join')
    const lease = await other.acquire(key)
    await subject.cluster.acquire('agent:ops:mine')
    await other.stop()
    assert.greater((await subject.cluster.acquire(key)).token.epoch, lease.token.epoch)
    const third = await named(subject, 'join')
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

const stopTests: Tests = {
  async 'stopping is done once, however often it is asked for'({ cluster }) {
    await cluster.acquire(key)
    await cluster.stop()
    await cluster.stop()
  },
}

const sections = {
  leases: leaseTests,
  release: releaseTests,
  fencing: fencingTests,
  restart: restartTests,
  join: joinTests,
  stop: stopTests,
} as const

/** A part of the contract that can be skipped as a whole. */
export type ClusterContractSection = keyof typeof sections

/** The `describe` and `it` of the test runner, and the sections to skip, each with a reason. */
export type ClusterContractOptions = ContractOptions<ClusterContractSection>

/**
 * Declares the contract's tests; call it at the top level of a test file. `makeCluster` is called once for each test.
 *
 * @example
 * clusterContract('MyCluster', () => ({ cluster: new MyCluster() }), { describe, it })
 */
export function clusterContract(
  name: string,
  makeCluster: () => ClusterUnderTest | Promise<ClusterUnderTest>,
  options: ClusterContractOptions,
): void {
  const dispose = async ({ cluster, dispose: rest }: ClusterUnderTest): Promise<void> => {
    await cluster.stop()
    await rest?.()
  }
  declareContract({
    suite: 'clusterContract',
    title: `${name} keeps the Cluster contract`,
    sections,
    make: makeCluster,
    adapters: ['cluster'],
    dispose,
    options,
  })
}
