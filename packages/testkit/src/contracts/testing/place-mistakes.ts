/** Planted mistakes of clusters: where keys are, and how they are handed over. */
import { BeamClawError, type Lease, type Member, type NodeRef } from '@beamclaw/core'
import { placementOf } from '@beamclaw/core/adapter'
import type { MemoryCluster } from '../../cluster/memory-cluster.ts'
import { type NodeMistake, wrong } from './mistaken-nodes.ts'

const found = 'every node finds a key at its owner'
const onePlace = 'a key without an owner has one place, a member, for every node'
const onlyLooks = 'to look for a key claims it for no node'
const released = 'a key that was released has a place, and no owner'
const drains = 'a node that drains is the place of no new key while another is up, and keeps those that it has'
const allDrain = 'a key has a place when every node drains'
const elsewhere = 'the keys of a node that was stopped are placed elsewhere'
const handedOver = 'a key that is handed over goes to that node alone, and is found there'
const taken = 'a hand-over that was taken is over'
const lapses = 'a hand-over lapses after 5 seconds'
const onlyHolder = 'only the lease that holds a key hands it over'

export const placeMistakes = {
  'finds every key at itself': wrong(found, (node) => ({ locate: async () => ({ node: node.self, isOwner: true }) })),
  'does not know whether there is an owner': wrong(found, (node) => ({
    locate: async (key) => ({ ...(await node.locate(key)), isOwner: false }),
  })),
  'places a key where it is asked for': wrong(onePlace, (node) => ({
    locate: async (key) => {
      const location = await node.locate(key)
      return location.isOwner ? location : { node: node.self, isOwner: false }
    },
  })),
  'takes the place of a key for its owner': wrong(onePlace, (node) => ({
    locate: async (key) => ({ ...(await node.locate(key)), isOwner: true }),
  })),
  'places keys at a node that there is not': wrong(onePlace, (node) => ({
    locate: async (key) => {
      const location = await node.locate(key)
      return location.isOwner ? location : { node: { ...location.node, incarnation: 'some' }, isOwner: false }
    },
  })),
  'claims each key that it looks for': wrong(onlyLooks, (node) => ({
    locate: async (key) => {
      const location = await node.locate(key)
      if (location.node.incarnation === node.self.incarnation) await node.acquire(key).catch(() => {})
      return location
    },
  })),
  'finds the keys that it has released at itself': {
    caughtBy: released,
    plant: () => (node) => {
      const mine = new Set<string>()
      return {
        acquire: async (key, above) => {
          const lease = await node.acquire(key, above)
          mine.add(key)
          return lease
        },
        locate: async (key) => (mine.has(key) ? { node: node.self, isOwner: true } : node.locate(key)),
      }
    },
  },
  'places keys at nodes that drain': wrong(drains, (node) => ({
    locate: async (key) => {
      const location = await node.locate(key)
      const up = node.members.map((member): Member => ({ ...member, state: 'up' }))
      return location.isOwner ? location : { node: placementOf(key, up) ?? node.self, isOwner: false }
    },
  })),
  'takes the keys of a node that drains away': wrong(drains, (node) => ({
    locate: async (key) => {
      const location = await node.locate(key)
      const isUp = node.members.some(({ id, state }) => id === location.node.id && state === 'up')
      return isUp ? location : { node: placementOf(key, node.members) ?? node.self, isOwner: false }
    },
  })),
  'has no place when every node drains': wrong(allDrain, (node) => ({
    locate: async (key) => {
      if (node.members.every(({ state }) => state === 'draining')) throw new BeamClawError('draining', 'All nodes drain')
      return node.locate(key)
    },
  })),
  'remembers for ever where a key was': {
    caughtBy: elsewhere,
    plant: () => {
      const owners = new Map<string, NodeRef>()
      return (node) => ({
        acquire: async (key, above) => {
          const lease = await node.acquire(key, above)
          owners.set(key, node.self)
          return lease
        },
        locate: async (key) => {
          const owner = owners.get(key)
          return owner === undefined ? node.locate(key) : { node: owner, isOwner: true }
        },
      })
    },
  },

  'ignores to whom a key is handed over': wrong(handedOver, (node) => ({ release: (lease) => node.release(lease) })),
  'hands a key to itself': wrong(handedOver, (node) => ({ release: (lease, to) => node.release(lease, to && node.self) })),
  'takes the node that a key is handed to for its owner': wrong(handedOver, (node) => ({
    locate: async (key) => ({ ...(await node.locate(key)), isOwner: true }),
  })),
  'finds a key that is handed over by its name alone': wrong(handedOver, (node) => ({
    locate: async (key) => {
      const location = await node.locate(key)
      return location.isOwner ? location : { node: placementOf(`other:${key}`, node.members) ?? node.self, isOwner: false }
    },
  })),
  'keeps a key for the last one that it was handed to': wrong(taken, (node) => ({
    release: (lease, to) => node.release(lease, to ?? node.self),
  })),
  'keeps a hand-over for ever': {
    caughtBy: lapses,
    plant: () => {
      const heirs = new Map<string, NodeRef>()
      return (node) => ({
        release: (lease, to) => {
          if (to !== undefined) heirs.set(lease.key, to)
          return node.release(lease, to)
        },
        acquire: async (key, above) => {
          const owner = heirs.get(key)
          if (owner !== undefined && owner.id !== node.self.id)
            throw new BeamClawError('fenced', 'kept', { details: { owner: { ...owner } } })
          return node.acquire(key, above)
        },
      })
    },
  },
  'keeps a hand-over for two seconds': {
    caughtBy: lapses,
    plant: () => {
      const heirs = new Map<string, { readonly to: NodeRef; readonly until: number }>()
      return (node, { nodes, clock }) => ({
        release: (lease, to) => {
          if (to !== undefined) heirs.set(lease.key, { to, until: clock.monotonic() + 2_000 })
          return node.release(lease, to)
        },
        acquire: async (key, above) => {
          const heir = heirs.get(key)
          const giver = heir && clock.monotonic() > heir.until ? nodes.find(({ self }) => self.id === heir.to.id) : undefined
          if (giver !== undefined) await giver.release(await giver.acquire(key))
          return node.acquire(key, above)
        },
      })
    },
  },
  'hands a key over by any lease of it': {
    caughtBy: onlyHolder,
    plant: () => {
      const holders = new Map<string, { readonly node: MemoryCluster; readonly lease: Lease }>()
      return (node) => ({
        acquire: async (key, above) => {
          const lease = await node.acquire(key, above)
          holders.set(key, { node, lease })
          return lease
        },
        release: async (lease, to) => {
          const holder = holders.get(lease.key)
          await holder?.node.release(holder.lease, to)
        },
      })
    },
  },
} as const satisfies Readonly<Record<string, NodeMistake>>
