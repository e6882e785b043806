/** Planted mistakes of clusters: membership, death and isolation. */
import { BeamClawError, type ErrorCode, type Member, type NodeId, type NodeRef } from '@beamclaw/core'
import type { MemoryCluster } from '../../cluster/memory-cluster.ts'
import { ContractHost } from '../cluster-fixtures.ts'
import { misheard, type NodeMistake, wrong } from './mistaken-nodes.ts'

const names = 'a refusal names the owner'
const isMember = 'a node that has joined is one of its members, and up'
const isPlace = 'a node that is alone is the place of every key'
const sees = 'a node that joins is a member for the others, who are told once'
const lives = 'every node has an incarnation of its own'
const quiet = 'a node that has not joined is no member, and may have keys'
const announced = 'what a node announces is seen by all, and stays until it announces another thing'
const left = 'a node that was stopped is no member any more, and the others are told once'
const died = 'a node that died is no member any more, and the others are told once'
const freed = 'the keys of a node that died go to the others, above what it had'
const nextLife = 'the next life of a node is another one for the others, too'
const cutOff = 'a node that is cut off is told before another one gets its keys'
const back = 'a node that is back is another incarnation, a member, and owns nothing'

const stranger: NodeRef = { id: 'somewhere' as NodeId, incarnation: 'else' }

/** The node's refusals have other details. */
function refusing(details: (node: MemoryCluster, error: BeamClawError) => BeamClawError['details']): NodeMistake {
  return wrong(names, (node) => ({
    acquire: (key, above) =>
      node.acquire(key, above).catch((error: BeamClawError) => {
        throw new BeamClawError(error.code as ErrorCode, error.message, { details: details(node, error) })
      }),
  }))
}

/** The node sees other members than there are. */
function seeing(caughtBy: string, change: (members: readonly Member[], node: MemoryCluster) => readonly Member[]): NodeMistake {
  return wrong(caughtBy, (node) => ({
    get members() {
      return change(node.members, node)
    },
  }))
}

/** All lives of all nodes have incarnations of this kind. */
function living(caughtBy: string, incarnation: (node: NodeRef) => string): NodeMistake {
  return wrong(caughtBy, (node) => ({
    get self() {
      return { ...node.self, incarnation: incarnation(node.self) }
    },
    get members() {
      return node.members.map((member) => ({ ...member, incarnation: incarnation(member) }))
    },
  }))
}

export const nodeMistakes = {
  'refuses without a name': refusing(() => ({})),
  'names itself as the owner of a key of another': refusing(({ self }) => ({ owner: { ...self } })),
  'names an owner by its id alone': refusing((_, { details }) => ({ owner: { id: (details.owner as { id: string }).id } })),

  'is no member for itself': seeing(isMember, (members, { self }) => members.filter(({ id }) => id !== self.id)),
  'is a member twice': seeing(isMember, (members) => [...members, ...members]),
  'does not tell what its host can do': misheard(isMember, () => ({ wire: [1, 1], records: [1, 1] })),
  'places every key somewhere else': wrong(isPlace, () => ({ locate: async () => ({ node: stranger, isOwner: false }) })),

  'sees itself alone': seeing(sees, (members, { self }) => members.filter(({ id }) => id === self.id)),
  'tells of each that joins twice': misheard(sees, (host) => ({
    onMembers: (change) => {
      host.onMembers(change)
      host.onMembers({ joined: change.joined, left: [] })
    },
  })),
  'tells of all members each time': misheard(sees, (host, node) => ({
    onMembers: (change) => host.onMembers({ ...change, joined: node.members }),
  })),
  'tells of none that joins': misheard(sees, (host) => ({ onMembers: ({ left: gone }) => host.onMembers({ joined: [], left: gone }) })),
  'takes what another node can do for what it can itself': seeing(sees, (members, { self }) =>
    members.map((member) => (member.id === self.id ? member : { ...member, wire: [1, 1] })),
  ),
  'gives all nodes the same incarnation': living(lives, () => 'life'),
  'gives incarnations of odd characters': living(lives, ({ incarnation }) => `${incarnation}:1`),
  'is a member once it has a key': wrong(quiet, (node) => ({
    acquire: async (key, above) => {
      await node.join(new ContractHost()).catch(() => {})
      return node.acquire(key, above)
    },
  })),
  'announces nothing': wrong(announced, () => ({ announce: async () => {} })),
  'is up again when it announces its load': wrong(announced, (node) => ({
    announce: (change) => node.announce({ state: 'up', ...change }),
  })),
  'has no load any more when it announces its state': wrong(announced, (node) => ({
    announce: (change) => node.announce({ load: 0, ...change }),
  })),
  'ignores a load of 0': wrong(announced, (node) => ({
    announce: ({ state, load }) => node.announce({ ...(state && { state }), ...(load && { load }) }),
  })),
  'takes a node that drains for one that has left': seeing(announced, (members) => members.filter(({ state }) => state === 'up')),
  'counts load in whole numbers': wrong(announced, (node) => ({
    announce: (change) => node.announce(change.load === undefined ? change : { ...change, load: Math.floor(change.load) }),
  })),
  'stays a member after its stop': wrong(left, () => ({ stop: async () => {} })),
  'tells of each that leaves twice': misheard(left, (host) => ({
    onMembers: (change) => {
      host.onMembers(change)
      host.onMembers({ joined: [], left: change.left })
    },
  })),
  'tells of none that leaves': misheard(left, (host) => ({ onMembers: ({ joined }) => host.onMembers({ joined, left: [] }) })),
  'keeps whom it has seen': {
    caughtBy: left,
    plant: () => (node) => {
      const seen = new Map<string, Member>()
      return {
        get members() {
          for (const member of node.members) seen.set(member.incarnation, member)
          return [...seen.values()]
        },
      }
    },
  },

  'never finds out who has died': misheard(died, (host) => ({ onMembers: ({ joined }) => host.onMembers({ joined, left: [] }) })),
  'tells of each that died twice': misheard(died, (host) => ({
    onMembers: (change) => {
      host.onMembers(change)
      host.onMembers({ joined: [], left: change.left })
    },
  })),
  'keeps the keys of the dead': {
    caughtBy: freed,
    plant: () => {
      const owners = new Map<string, NodeRef>()
      return (node) => ({
        acquire: async (key, above) => {
          const owner = owners.get(key) ?? node.self
          if (owner.id !== node.self.id) throw new BeamClawError('fenced', 'kept', { details: { owner: { ...owner } } })
          owners.set(key, node.self)
          return node.acquire(key, above)
        },
      })
    },
  },
  'starts epochs again for each owner': wrong(freed, (node) => ({
    acquire: async (key, above = 0) => {
      const lease = await node.acquire(key, above)
      return { ...lease, token: { ...lease.token, epoch: above + 1 } }
    },
  })),
  'takes the id of a node for its life': living(nextLife, ({ id }) => id),
  'does not notice that it is cut off': misheard(cutOff, () => ({ onIsolated: () => {} })),
  'says to every node that it is cut off': misheard(cutOff, (host) => ({
    onMembers: (change) => {
      host.onMembers(change)
      if (change.left.length > 0) host.onIsolated()
    },
  })),
  'does not say that it is back': misheard(back, () => ({ onRejoined: () => {} })),
  'says its old name when it is back': {
    caughtBy: back,
    plant: () => (node) => {
      const { self } = node
      return { self, join: (host) => node.join(host) }
    },
  },
} as const satisfies Readonly<Record<string, NodeMistake>>
