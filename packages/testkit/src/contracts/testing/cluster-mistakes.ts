/** Planted mistakes of clusters. Not covered: the length of leases, which the port leaves to the author. */
import { BeamClawError, type NodeId } from '@beamclaw/core'
import { type ClusterMistake, type ClusterRules, correctCluster as correct, newRegistry, turn } from './mistaken-cluster.ts'

type Rules = Partial<ClusterRules>

const named = 'a lease names its key, its owner, a token and an end'
const growing = 'each grant of a key is above the last'
const above = 'a grant is above an epoch that was asked for'
const differ = 'grants at once differ, and so do nonces'
const anyName = 'any name of a key will do'
const again = 'a key that was given up can be had again'
const restarted = 'a node that was restarted tells its grants from those before'
const back = 'after a crash the node gets its keys back, above what it had'
const refused = 'a key that a live node holds is refused to the others until it is given up'
const atOnce = 'of two nodes that ask at once one gets the key'
const apart = 'keys are told apart by every character'
const oldLease = 'only the lease that holds a key frees it'
const over = 'epochs grow from node to node'
const stopped = 'a node that was stopped gives its keys up'
const stops = 'stopping is done once, however often it is asked for'

const thrown = (error: () => Error): never => {
  throw error()
}

export const clusterMistakes = {
  'names no owner': { caughtBy: named, rules: { lease: (lease) => ({ ...lease, owner: undefined as never }) } },
  'names another owner than itself': { caughtBy: named, rules: { lease: (lease) => ({ ...lease, owner: 'somebody' as NodeId }) } },
  'has no name of its own': { caughtBy: named, rules: { nodeId: () => '' } },
  'gives keys in lower case': { caughtBy: anyName, rules: { lease: (lease) => ({ ...lease, key: lease.key.toLowerCase() }) } },
  'gives keys with a prefix of its own': { caughtBy: named, rules: { lease: (lease) => ({ ...lease, key: `lease:${lease.key}` }) } },
  'gives an end in seconds': {
    caughtBy: named,
    rules: { lease: (lease) => ({ ...lease, expiresAt: Math.ceil(lease.expiresAt / 1_000) }) },
  },
  'gives milliseconds that are left for the end': { caughtBy: named, rules: { lease: (lease) => ({ ...lease, expiresAt: 30_000 }) } },
  'gives no end': { caughtBy: named, rules: { lease: (lease) => ({ ...lease, expiresAt: Number.NaN }) } },
  'gives an empty nonce': { caughtBy: named, rules: { nonce: () => '' } },
  'gives epochs as texts': { caughtBy: named, rules: { epoch: (...given) => String(correct.epoch(...given)) as never } },
  'gives epochs with parts': { caughtBy: named, rules: { epoch: (...given) => correct.epoch(...given) + 0.5 } },
  'starts with epoch 0': { caughtBy: named, rules: { epoch: (last) => (last === 0 ? 0 : last + 1) } },
  'gives every grant the same epoch': { caughtBy: growing, rules: { epoch: () => 1 } },
  'takes the time in milliseconds for the epoch': { caughtBy: growing, rules: { epoch: (_, asked) => Math.max(Date.now(), asked + 1) } },
  'takes the time in seconds for the epoch': {
    caughtBy: growing,
    rules: { epoch: (_, asked) => Math.max(Math.floor(Date.now() / 1_000), asked + 1) },
  },
  'counts epochs down': { caughtBy: growing, rules: { epoch: (last) => (last === 0 ? 1_000_000 : last - 1) } },
  'takes chance for the epoch': { caughtBy: growing, rules: { epoch: () => Math.ceil(Math.random() * 1e9) } },
  'keeps epochs in 8 bits': { caughtBy: growing, rules: { epoch: (last) => (last === 0 ? 250 : (last + 1) % 256) } },
  'gives the lease that it has a second time': { caughtBy: growing, rules: { epoch: (last) => Math.max(last, 1) } },
  'ignores the epoch to be above of': { caughtBy: above, rules: { epoch: (last) => last + 1 } },
  'gives the very epoch to be above of': { caughtBy: above, rules: { epoch: (last, asked) => Math.max(last + 1, asked) } },
  'keeps epochs in 16 bits': { caughtBy: above, rules: { epoch: (last, asked) => Math.max(last + 1, (asked + 1) & 0xffff) } },
  'falls back after an epoch that was asked for': { caughtBy: above, rules: falling() },
  'gives equal epochs to grants at once': { caughtBy: differ, rules: { beforeGrant: turn } },
  'gives the same nonce each time': { caughtBy: differ, rules: { nonce: () => 'nonce' } },
  'takes its own name for the nonce': { caughtBy: differ, rules: { nonce: (_, life) => `node-${life}` } },
  'takes the time for the nonce': { caughtBy: differ, rules: { nonce: () => `nonce-${Math.floor(Date.now() / 60_000)}` } },
  'refuses long keys': {
    caughtBy: anyName,
    rules: { nameOf: (key) => (key.length > 255 ? thrown(() => new BeamClawError('invalid-id', 'long')) : key) },
  },
  'refuses keys with spaces': {
    caughtBy: anyName,
    rules: { nameOf: (key) => (key.includes(' ') ? thrown(() => new BeamClawError('invalid-id', 'space')) : key) },
  },
  'starts epochs again once a key was given up': {
    caughtBy: again,
    rules: {
      onRelease: ({ holders, epochs }, name) => {
        holders.delete(name)
        epochs.delete(name)
      },
    },
  },
  'rejects a second release': {
    caughtBy: again,
    rules: {
      onRelease: (registry, name, count) =>
        count > 1 ? thrown(() => new BeamClawError('fenced', 'released')) : correct.onRelease(registry, name, count),
    },
  },
  'repeats its nonces after a restart': {
    caughtBy: restarted,
    rules: { onRestart: (registry) => void Object.assign(registry, { nonces: 0 }) },
  },
  'has another name after a restart': { caughtBy: restarted, rules: { nodeId: (node, life) => `${node}-${life}` } },
  'refuses its own keys after a restart': {
    caughtBy: back,
    rules: { onRestart: ({ holders }) => holders.forEach((lease, name) => void holders.set(name, { ...lease, owner: 'lost' as NodeId })) },
  },
  'lets two nodes have the same name': { caughtBy: refused, rules: { nodeId: () => 'node' } },
  'gives a key to every node': { caughtBy: refused, rules: { isTaken: () => false } },
  'gives a key to each node that asks above its epoch': {
    caughtBy: refused,
    rules: { isTaken: (holder, node, asked) => asked === 0 && correct.isTaken(holder, node, asked) },
  },
  'shares nothing between its nodes': { caughtBy: refused, rules: { registry: newRegistry } },
  'refuses with a plain error': { caughtBy: refused, rules: { taken: () => new Error('taken') } },
  'refuses with another code': { caughtBy: refused, rules: { taken: () => new BeamClawError('session-busy', 'taken') } },
  'never frees a key': { caughtBy: refused, rules: { mayFree: () => false } },
  'lets both of two claims at once win': { caughtBy: atOnce, rules: { beforeGrant: turn } },
  'lets none of two claims at once win': { caughtBy: atOnce, rules: bothLose() },
  'folds keys by case': { caughtBy: apart, rules: { nameOf: (key) => key.toLowerCase() } },
  'trims keys': { caughtBy: apart, rules: { nameOf: (key) => key.trim() } },
  'cuts keys after 255 characters': { caughtBy: apart, rules: { nameOf: (key) => key.slice(0, 255) } },
  'takes the first two names of a key for it': { caughtBy: apart, rules: { nameOf: (key) => key.split(':').slice(0, 2).join(':') } },
  'normalises keys': { caughtBy: apart, rules: { nameOf: (key) => key.normalize('NFC') } },
  'frees a key by any lease of it': { caughtBy: oldLease, rules: { mayFree: () => true } },
  'frees a key by a lease of another node': {
    caughtBy: oldLease,
    rules: { mayFree: (lease, holder) => holder?.token.nonce === lease.token.nonce },
  },
  'frees a key by an old lease of the same node': { caughtBy: oldLease, rules: { mayFree: (_, holder, node) => holder?.owner === node } },
  'frees a key by a lease of the same owner': { caughtBy: oldLease, rules: { mayFree: (lease, holder) => holder?.owner === lease.owner } },
  'counts epochs for each node': { caughtBy: over, rules: perNode() },
  'keeps the keys of a node that was stopped': { caughtBy: stopped, rules: { onStop: () => {} } },
  'frees the keys of every node when one is stopped': { caughtBy: stopped, rules: { onStop: ({ holders }) => holders.clear() } },
  'rejects a second stop': {
    caughtBy: stops,
    rules: { onStop: (registry, node, count) => (count > 1 ? thrown(() => new Error('stopped')) : correct.onStop(registry, node, count)) },
  },
} as const satisfies Readonly<Record<string, ClusterMistake>>

/** An epoch that was asked for is given once, and the next one counts from before it. */
function falling(): Rules {
  let count = 1_000
  return { epoch: (_, asked) => Math.max(++count, asked + 1) }
}

/** Two that wait at the same time see each other, and both give way. */
function bothLose(): Rules {
  let waiting = 0
  return {
    beforeGrant: async () => {
      waiting++
      await turn()
      if (waiting > 1) throw correct.taken('key')
      waiting--
    },
  }
}

/** Each node counts for itself. */
function perNode(): Rules {
  return {
    lease: (lease) => ({
      ...lease,
      token: { ...lease.token, epoch: lease.owner.endsWith('b') ? lease.token.epoch - 500 : lease.token.epoch },
    }),
  }
}
