/** The part of the cluster contract that a node can keep by itself: its membership, its place, and messages to itself. */
import { BeamClawError, type JsonValue, type NodeId } from '@beamclaw/core'
import * as assert from './assert.ts'
import { assertNode, awkwardValues, type ClusterTests, count, joined, patientMs, settled, until } from './cluster-fixtures.ts'
import { expectRejection, range } from './store-fixtures.ts'

export const hostTests: ClusterTests = {
  async 'a node that has joined is one of its members, and up'({ cluster }) {
    const { host } = await joined(cluster)
    assert.equal(count(cluster.members, cluster.self), 1)
    const member = cluster.members.find(({ id }) => id === cluster.self.id)
    assert.matches(member, { state: 'up', load: 0, wire: host.wire, records: host.records })
    assert.isTrue(/^[A-Za-z0-9_-]{1,64}$/.test(cluster.self.incarnation), `an incarnation, received ${cluster.self.incarnation}`)
  },
  async 'a node that is alone is the place of every key'({ cluster }) {
    await joined(cluster)
    for (const key of ['a', 'agent:ops:main', '__proto__']) assertNode((await cluster.locate(key)).node, cluster.self)
  },
  async 'a node may send requests to itself'(subject) {
    const { cluster, host } = await joined(subject.cluster)
    for (const value of awkwardValues) {
      const reply = await cluster.request(cluster.self, value, { timeoutMs: patientMs })
      assert.equal(JSON.stringify(reply), JSON.stringify(value))
    }
    assertNode(host.requests[0]?.from, cluster.self)
    host.reply = async () => {
      throw new BeamClawError('overloaded', 'Too much to do', { retryAfterMs: 70 })
    }
    const error = await expectRejection(cluster.request(cluster.self, 1, { timeoutMs: patientMs }), 'overloaded')
    assert.matches(error, { message: 'Too much to do', retryAfterMs: 70 })
  },
  async 'a request that a node sends to itself rejects call-timeout when no reply comes in time'(subject) {
    const { cluster, host } = await joined(subject.cluster)
    host.reply = () => new Promise(() => {})
    const call = cluster.request(cluster.self, 1, { timeoutMs: 20 })
    await expectRejection(settled(subject, 'a request without a reply', call), 'call-timeout')
  },
  async 'what a node tells itself arrives in order, and is a copy'(subject) {
    const { cluster, host } = await joined(subject.cluster)
    for (const n of range(1, 99)) cluster.tell(cluster.self, n)
    const list = [1]
    cluster.tell(cluster.self, { list })
    list.push(2)
    await until(subject, 'a node has heard itself', () => host.tells.length >= 100)
    assert.equal(
      host.tells.map(({ body }) => body),
      [...range(1, 99), { list: [1] }],
    )
    assertNode(host.tells[0]?.from, cluster.self)
  },
  async 'a request to a node that there never was rejects node-gone'({ cluster }) {
    await joined(cluster)
    const stranger = { id: 'never-there' as NodeId, incarnation: 'never' }
    await expectRejection(cluster.request(stranger, 1, { timeoutMs: patientMs }), 'node-gone')
  },
  async 'a tell never throws'({ cluster }) {
    const stranger = { id: 'never-there' as NodeId, incarnation: 'never' }
    const circle: JsonValue[] = []
    circle.push(circle)
    const tell = (): void => {
      for (const body of [1, circle]) for (const node of [cluster.self, stranger]) assert.doesNotThrow(() => cluster.tell(node, body))
    }
    tell()
    await joined(cluster)
    tell()
    await cluster.stop()
    tell()
  },
  async 'a node that was stopped hears nothing more, and its requests reject node-gone'(subject) {
    const { cluster, host } = await joined(subject.cluster)
    await cluster.stop()
    cluster.tell(cluster.self, 1)
    await expectRejection(settled(subject, 'a request', cluster.request(cluster.self, 2, { timeoutMs: patientMs })), 'node-gone')
    await cluster.stop()
    assert.equal([host.requests.length, host.tells.length, host.isolations, host.rejoined.length], [0, 0, 0, 0])
  },
}
