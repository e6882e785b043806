/** The part of the cluster contract about requests and tells from one node to another. */
import { BeamClawError, type JsonValue } from '@beamclaw/core'
import * as assert from './assert.ts'
import {
  assertNode,
  awkwardValues,
  type ClusterTests,
  type ContractNode,
  count,
  pairOf,
  patientMs,
  settled,
  stopAll,
  until,
} from './cluster-fixtures.ts'
import { expectRejection, range } from './store-fixtures.ts'

const timeoutMs = patientMs

/** The values as text: what JSON tells apart. */
function texts(values: readonly JsonValue[]): readonly string[] {
  return values.map((value) => JSON.stringify(value))
}

export const requestTests: ClusterTests = {
  async 'a request is answered by the host of that node, which learns who asks'(subject) {
    const [one, other] = await pairOf(subject)
    one.host.reply = async () => 'one'
    other.host.reply = async () => 'other'
    assert.equal(await one.cluster.request(other.cluster.self, 1, { timeoutMs }), 'other')
    assert.equal(await other.cluster.request(one.cluster.self, 2, { timeoutMs }), 'one')
    assert.equal([one.host.requests.map(({ body }) => body), other.host.requests.map(({ body }) => body)], [[2], [1]])
    assertNode(one.host.requests[0]?.from, other.cluster.self)
    assertNode(other.host.requests[0]?.from, one.cluster.self)
    await stopAll([one, other])
  },
  async 'any JSON arrives as it was, and comes back so'(subject) {
    const [one, other] = await pairOf(subject)
    const replies: JsonValue[] = []
    for (const value of awkwardValues) replies.push(await one.cluster.request(other.cluster.self, value, { timeoutMs }))
    assert.equal(texts(other.host.requests.map(({ body }) => body)), texts(awkwardValues), 'what arrived')
    assert.equal(texts(replies), texts(awkwardValues), 'what came back')
    assert.equal(({} as { polluted?: unknown }).polluted, undefined, 'a field of every object')
    await stopAll([one, other])
  },
  async 'nodes share no object'(subject) {
    const [one, other] = await pairOf(subject)
    const kept = { list: ['reply'] }
    other.host.reply = async (body) => {
      ;(body as { list: string[] }).list.push('by the other')
      return kept
    }
    const sent = { list: ['request'] }
    const call = one.cluster.request(other.cluster.self, sent, { timeoutMs })
    const reply = (await call) as typeof kept
    reply.list.push('by the sender')
    assert.equal([sent.list, kept.list], [['request'], ['reply']])
    await stopAll([one, other])
  },
  async 'a request is what it was when it was sent'(subject) {
    const [one, other] = await pairOf(subject)
    const sent = { list: [1] }
    const call = one.cluster.request(other.cluster.self, sent, { timeoutMs })
    sent.list.push(2)
    assert.equal(await call, { list: [1] })
    await stopAll([one, other])
  },
  async 'a body of a mebibyte arrives whole'(subject) {
    const [one, other] = await pairOf(subject)
    const large = 'ä123456'.repeat(131_072)
    const reply = await one.cluster.request(other.cluster.self, { large }, { timeoutMs })
    assert.isTrue((reply as { large: string }).large === large, 'the reply is the whole body')
    await stopAll([one, other])
  },
  async 'replies reach the request that they belong to, whichever comes first'(subject) {
    const [one, other] = await pairOf(subject)
    const waiting: (() => void)[] = []
    const replyLate = (body: JsonValue): Promise<JsonValue> =>
      new Promise((resolve) => {
        waiting.push(() => resolve({ to: body }))
        if (waiting.length < 200) return
        for (const reply of waiting.toReversed()) reply()
      })
    one.host.reply = replyLate
    other.host.reply = replyLate
    const ask = (from: ContractNode, to: ContractNode, n: number): Promise<JsonValue> =>
      from.cluster.request(to.cluster.self, n, { timeoutMs })
    const replies = await Promise.all(range(1, 200).map((n) => (n % 2 === 0 ? ask(one, other, n) : ask(other, one, n))))
    assert.equal(
      replies,
      range(1, 200).map((n) => ({ to: n })),
    )
    await stopAll([one, other])
  },
  async 'a node may ask back while it is asked'(subject) {
    const [one, other] = await pairOf(subject)
    one.host.reply = async (body) => `${String(body)} of one`
    other.host.reply = async (body) => {
      const back = await other.cluster.request(one.cluster.self, `${String(body)} back`, { timeoutMs })
      return `${String(back)}, and of the other`
    }
    assert.equal(await one.cluster.request(other.cluster.self, 'asked', { timeoutMs }), 'asked back of one, and of the other')
    await stopAll([one, other])
  },
  async 'the error of the other node arrives with all that a caller decides by'(subject) {
    const [one, other] = await pairOf(subject)
    const details = { owner: { id: 'node-9', incarnation: 'x' }, list: [1, 'ä'] }
    other.host.reply = async () => {
      throw new BeamClawError('overloaded', 'Too much to do', { isRetryable: false, retryAfterMs: 1_234, details })
    }
    const error = await expectRejection(one.cluster.request(other.cluster.self, 1, { timeoutMs }), 'overloaded')
    assert.matches(error, { message: 'Too much to do', isRetryable: false, retryAfterMs: 1_234, kind: 'limited', details })
    await stopAll([one, other])
  },
  async 'the text of an error that is not typed stays at its node'(subject) {
    const [one, other] = await pairOf(subject)
    other.host.reply = async () => {
      throw new Error('the password is 1234')
    }
    const error = await expectRejection(one.cluster.request(other.cluster.self, 1, { timeoutMs }), 'internal')
    assert.isTrue(!JSON.stringify([error.message, error.details]).includes('1234'), `the error tells nothing, received ${error.message}`)
    await stopAll([one, other])
  },
  async 'a request without a reply in time rejects call-timeout, and its late reply reaches no other'(subject) {
    const [one, other] = await pairOf(subject)
    const late = Promise.withResolvers<JsonValue>()
    other.host.reply = (body) => (body === 'slow' ? late.promise : Promise.resolve('prompt'))
    const slow = one.cluster.request(other.cluster.self, 'slow', { timeoutMs: 60 })
    const patient = one.cluster.request(other.cluster.self, 'slow', { timeoutMs })
    await expectRejection(settled(subject, 'a request without a reply', slow), 'call-timeout')
    const next = one.cluster.request(other.cluster.self, 'next', { timeoutMs })
    late.resolve('late')
    assert.equal([await next, await patient], ['prompt', 'late'])
    await stopAll([one, other])
  },
  async 'what is asked of a node that was stopped rejects node-gone'(subject) {
    const [one, other] = await pairOf(subject)
    const { self } = other.cluster
    await other.cluster.stop()
    await until(subject, 'a node is told who has left', () => count(one.host.left, self) > 0)
    await expectRejection(settled(subject, 'a request', one.cluster.request(self, 1, { timeoutMs })), 'node-gone')
    assert.equal(other.host.requests, [], 'what the stopped node has heard')
  },
  async 'what a node that was stopped asks rejects node-gone'(subject) {
    const [one, other] = await pairOf(subject)
    await other.cluster.stop()
    await expectRejection(settled(subject, 'a request', other.cluster.request(one.cluster.self, 1, { timeoutMs })), 'node-gone')
    assert.equal(one.host.requests, [], 'what the other node has heard')
  },
}

export const tellTests: ClusterTests = {
  async 'tells arrive once each, in the order in which they were sent'(subject) {
    const [one, other] = await pairOf(subject)
    for (const n of range(1, 500)) {
      one.cluster.tell(other.cluster.self, n)
      other.cluster.tell(one.cluster.self, -n)
    }
    await until(subject, 'all that was told has arrived', () => [one, other].every(({ host }) => host.tells.length >= 500))
    // What went the same way behind them arrives after any that came twice.
    await one.cluster.request(other.cluster.self, 'last', { timeoutMs })
    await other.cluster.request(one.cluster.self, 'last', { timeoutMs })
    assert.equal(
      other.host.tells.map(({ body }) => body),
      range(1, 500),
    )
    assert.equal(
      one.host.tells.map(({ body }) => body),
      range(1, 500).map((n) => -n),
    )
    assertNode(one.host.tells[0]?.from, other.cluster.self)
    assertNode(other.host.tells[0]?.from, one.cluster.self)
    await stopAll([one, other])
  },
  async 'any JSON can be told, and is what it was when it was sent'(subject) {
    const [one, other] = await pairOf(subject)
    for (const value of awkwardValues) one.cluster.tell(other.cluster.self, value)
    const list = [1]
    one.cluster.tell(other.cluster.self, list)
    list.push(2)
    one.cluster.tell(other.cluster.self, 'x'.repeat(1_048_576))
    await until(subject, 'all that was told has arrived', () => other.host.tells.length >= awkwardValues.length + 2)
    const bodies = other.host.tells.map(({ body }) => body)
    assert.equal(texts(bodies.slice(0, -1)), texts([...awkwardValues, [1]]))
    assert.equal(String(bodies.at(-1)).length, 1_048_576, 'the characters of a long text')
    await stopAll([one, other])
  },
  async 'what is told to a node that was stopped reaches none'(subject) {
    const [one, other] = await pairOf(subject)
    const { self } = other.cluster
    await other.cluster.stop()
    one.cluster.tell(self, 1)
    other.cluster.tell(one.cluster.self, 2)
    await until(subject, 'a node is told who has left', () => count(one.host.left, self) > 0)
    one.cluster.tell(self, 3)
    one.cluster.tell(one.cluster.self, 'mine')
    await until(subject, 'a node hears itself', () => one.host.tells.length > 0)
    assert.equal(
      [one.host.tells, other.host.tells].map((tells) => tells.map(({ body }) => body)),
      [['mine'], []],
    )
  },
}
