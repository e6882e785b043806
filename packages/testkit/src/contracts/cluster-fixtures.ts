/** What the tests of the cluster contract share: the subject, its nodes, and patience. */
import type { Cluster, ClusterHost, JsonValue, MemberChange, NodeId, NodeRef } from '@beamclaw/core'
import * as assert from './assert.ts'
import type { ContractTests } from './contract.ts'

/** A cluster for one test. No node has joined yet. */
export interface ClusterUnderTest {
  readonly cluster: Cluster
  /** Another process of the same node, started after a crash of the first: that one was not stopped, and its memory is lost. */
  restart?(): Promise<Cluster>
  /** Another node of the same cluster, at the same time; each call makes one with another id. */
  join?(): Promise<Cluster>
  /** Ends the process of the node as `kill -9` does. Not `cluster`, but a node that `join` has made. */
  kill?(node: NodeId): Promise<void>
  /** Cuts the node off from all others, as a broken cable does. Resolves with what heals it. Not `cluster`, but a node that `join` has made. */
  isolate?(node: NodeId): Promise<() => Promise<void>>
  /** Lets so many milliseconds pass for the nodes. @default waits for them, 5500 in the test of a hand-over that lapses */
  passTime?(ms: number): Promise<void>
  /** Milliseconds until a node has learned of what happened to another one, its death included; `deadlineMs` must leave time for it. @default 3000 */
  readonly withinMs?: number
  /** Called after the test, in addition to `stop` of what was made. */
  dispose?(): Promise<void>
}

export type ClusterTests = ContractTests<ClusterUnderTest>

export const clusterKey = 'agent:ops:main'

// Long enough that a node which does not reply is found out otherwise first.
export const patientMs = 600_000

function hook<K extends 'restart' | 'join' | 'kill' | 'isolate'>(subject: ClusterUnderTest, name: K): NonNullable<ClusterUnderTest[K]> {
  const call = subject[name]
  if (call === undefined) throw new Error(`clusterContract: give \`${name}\`, or skip the section that needs it with a reason`)
  return call as NonNullable<ClusterUnderTest[K]>
}

export function restarted(subject: ClusterUnderTest): Promise<Cluster> {
  return hook(subject, 'restart')()
}

export function anotherNode(subject: ClusterUnderTest): Promise<Cluster> {
  return hook(subject, 'join')()
}

export function kill(subject: ClusterUnderTest, { self }: Cluster): Promise<void> {
  return hook(subject, 'kill')(self.id)
}

export function isolate(subject: ClusterUnderTest, { self }: Cluster): Promise<() => Promise<void>> {
  return hook(subject, 'isolate')(self.id)
}

/** Lets time pass for the nodes. */
export function pass({ passTime }: ClusterUnderTest, ms: number): Promise<void> {
  return passTime === undefined ? new Promise((resolve) => setTimeout(resolve, ms)) : passTime(ms)
}

/** Resolves once it is so; fails when it is not within the patience of the subject. */
export async function until(subject: ClusterUnderTest, what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const { withinMs = 3_000 } = subject
  const stepMs = Math.max(5, Math.ceil(withinMs / 200))
  for (let passed = 0; passed <= withinMs; passed += stepMs) {
    if (await isSo()) return
    await pass(subject, stepMs)
  }
  assert.fail(`not within ${withinMs} ms: ${what}`)
}

/** Lets time pass until the call has settled; resolves and rejects as it does. */
export async function settled<T>(subject: ClusterUnderTest, what: string, call: Promise<T>): Promise<T> {
  let isSettled = false
  const note = (): void => {
    isSettled = true
  }
  call.then(note, note)
  await until(subject, `${what} settles`, () => isSettled)
  return call
}

/** A host that keeps what it hears, and returns each request to its sender unless a test says otherwise. */
export class ContractHost implements ClusterHost {
  readonly wire = [1, 3] as const
  readonly records = [2, 5] as const
  readonly requests: { readonly body: JsonValue; readonly from: NodeRef }[] = []
  readonly tells: { readonly body: JsonValue; readonly from: NodeRef }[] = []
  readonly joined: NodeRef[] = []
  readonly left: NodeRef[] = []
  readonly rejoined: NodeRef[] = []
  isolations = 0
  reply: (body: JsonValue) => Promise<JsonValue> = async (body) => body

  onRequest(body: JsonValue, from: NodeRef): Promise<JsonValue> {
    this.requests.push({ body, from })
    return this.reply(body)
  }

  onTell(body: JsonValue, from: NodeRef): void {
    this.tells.push({ body, from })
  }

  onMembers({ joined, left }: MemberChange): void {
    this.joined.push(...joined)
    this.left.push(...left)
  }

  onIsolated(): void {
    this.isolations++
  }

  onRejoined(self: NodeRef): void {
    this.rejoined.push(self)
  }
}

/** A member and its host. */
export interface ContractNode {
  readonly cluster: Cluster
  readonly host: ContractHost
}

export async function joined(cluster: Cluster): Promise<ContractNode> {
  const host = new ContractHost()
  await cluster.join(host)
  return { cluster, host }
}

export function isSame(node: NodeRef, other: NodeRef): boolean {
  return node.id === other.id && node.incarnation === other.incarnation
}

export function count(nodes: readonly NodeRef[], node: NodeRef): number {
  return nodes.filter((other) => isSame(node, other)).length
}

/** Fails unless it is this node. */
export function assertNode(actual: NodeRef | unknown, { id, incarnation }: NodeRef, message?: string): void {
  assert.matches(actual, { id, incarnation }, message)
}

/** Members of one cluster, the subject's own first, once each knows of all. */
export async function joinedNodes(subject: ClusterUnderTest, size: number): Promise<readonly ContractNode[]> {
  const nodes = [await joined(subject.cluster)]
  while (nodes.length < size) nodes.push(await joined(await anotherNode(subject)))
  await until(subject, `${size} nodes know each other`, () =>
    nodes.every(({ cluster }) => nodes.every((other) => count(cluster.members, other.cluster.self) === 1)),
  )
  return nodes
}

/** Two members that know each other. */
export async function pairOf(subject: ClusterUnderTest): Promise<readonly [ContractNode, ContractNode]> {
  const [one, other] = await joinedNodes(subject, 2)
  return [one, other] as readonly [ContractNode, ContractNode]
}

/** Stops the nodes that `join` has made. */
export async function stopAll(nodes: readonly ContractNode[]): Promise<void> {
  await Promise.all(nodes.slice(1).map(({ cluster }) => cluster.stop()))
}

/** Values that lose something unless they travel as JSON does. */
export const awkwardValues: readonly JsonValue[] = [
  null,
  false,
  0,
  -1.5e300,
  '',
  'ä 日本 😀',
  'a lone \ud800 surrogate \udc00',
  'ends\n\r\u0000\u2028"\\',
  [],
  {},
  [[[null]], { a: [{}] }],
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":null,"":2,"10":1,"9":0}') as JsonValue,
  { deep: Array.from({ length: 100 }).reduce<JsonValue>((inner) => [inner], 'core') },
]
