/** The part of the cluster contract about what nodes know of each other. */
import * as assert from './assert.ts'
import { anotherNode, assertNode, type ClusterTests, count, joined, pairOf, stopAll, until } from './cluster-fixtures.ts'

export const memberTests: ClusterTests = {
  async 'a node that joins is a member for the others, who are told once'(subject) {
    const [one, other] = await pairOf(subject)
    await until(subject, 'a node is told who has joined', () => count(one.host.joined, other.cluster.self) > 0)
    const seen = one.cluster.members.find(({ id }) => id === other.cluster.self.id)
    assert.matches(seen, { state: 'up', load: 0, wire: [1, 3], records: [2, 5] })
    const third = await joined(await anotherNode(subject))
    await until(subject, 'a node is told of the third', () => count(one.host.joined, third.cluster.self) > 0)
    assert.equal(count(one.host.joined, other.cluster.self), 1, 'how often a node is told of one that joined')
    assert.equal(one.host.left, [])
    await stopAll([one, other, third])
  },
  async 'every node has an incarnation of its own'(subject) {
    const [one, other] = await pairOf(subject)
    assert.notEqual(one.cluster.self.incarnation, other.cluster.self.incarnation)
    for (const { cluster } of [one, other])
      for (const { incarnation } of cluster.members) assert.isTrue(/^[A-Za-z0-9_-]{1,64}$/.test(incarnation), `received ${incarnation}`)
    await stopAll([one, other])
  },
  async 'a node that has not joined is no member, and may have keys'(subject) {
    const one = await joined(subject.cluster)
    const quiet = await anotherNode(subject)
    await quiet.acquire('agent:ops:quiet')
    const third = await joined(await anotherNode(subject))
    await until(subject, 'the third is seen', () => count(one.cluster.members, third.cluster.self) === 1)
    assert.equal([count(one.cluster.members, quiet.self), count(one.host.joined, quiet.self)], [0, 0])
    await quiet.stop()
    await stopAll([one, third])
  },
  async 'what a node announces is seen by all, and stays until it announces another thing'(subject) {
    const [one, other] = await pairOf(subject)
    const sees = (state: string, load: number): Promise<void> =>
      until(subject, `${state} with a load of ${load} is seen`, () =>
        [one, other].every(({ cluster: { members } }) =>
          members.some((member) => member.id === other.cluster.self.id && member.state === state && member.load === load),
        ),
      )
    await other.cluster.announce({ load: 7 })
    await sees('up', 7)
    await other.cluster.announce({ state: 'draining' })
    await sees('draining', 7)
    await other.cluster.announce({ load: 0 })
    await sees('draining', 0)
    await other.cluster.announce({ state: 'up', load: 2.5 })
    await sees('up', 2.5)
    assert.equal(one.host.left, [], 'who is told to have left')
    assert.equal(count(one.cluster.members, one.cluster.self), 1)
    await stopAll([one, other])
  },
  async 'a node that was stopped is no member any more, and the others are told once'(subject) {
    const [one, other] = await pairOf(subject)
    const { self } = other.cluster
    await other.cluster.stop()
    await until(subject, 'a node is told who has left', () => count(one.host.left, self) > 0 && count(one.cluster.members, self) === 0)
    const third = await joined(await anotherNode(subject))
    await until(subject, 'the third is seen', () => count(one.cluster.members, third.cluster.self) === 1)
    assert.equal(count(one.host.left, self), 1, 'how often a node is told of one that left')
    assertNode(
      one.cluster.members.find(({ id }) => id === one.cluster.self.id),
      one.cluster.self,
    )
    await stopAll([one, third])
  },
}
