/** Planted mistakes of clusters: requests and tells. */
import { BeamClawError, type ClusterHost, type ErrorCode, type JsonValue, type NodeRef } from '@beamclaw/core'
import { wellFormedJson } from '@beamclaw/core/adapter'
import type { MemoryCluster } from '../../cluster/memory-cluster.ts'
import { turn } from './mistaken-cluster.ts'
import { misheard, type NodeMistake, wrong } from './mistaken-nodes.ts'

const toItself = 'a node may send requests to itself'
const itselfInTime = 'a request that a node sends to itself rejects call-timeout when no reply comes in time'
const tellsItself = 'what a node tells itself arrives in order, and is a copy'
const never = 'a request to a node that there never was rejects node-gone'
const throwsNever = 'a tell never throws'
const afterStop = 'a node that was stopped hears nothing more, and its requests reject node-gone'
const answered = 'a request is answered by the host of that node, which learns who asks'
const anyJson = 'any JSON arrives as it was, and comes back so'
const shares = 'nodes share no object'
const whenSent = 'a request is what it was when it was sent'
const large = 'a body of a mebibyte arrives whole'
const belongs = 'replies reach the request that they belong to, whichever comes first'
const asksBack = 'a node may ask back while it is asked'
const errors = 'the error of the other node arrives with all that a caller decides by'
const untyped = 'the text of an error that is not typed stays at its node'
const inTime = 'a request without a reply in time rejects call-timeout, and its late reply reaches no other'
const stoppedAsked = 'what is asked of a node that was stopped rejects node-gone'
const stoppedAsks = 'what a node that was stopped asks rejects node-gone'
const diedAsked = 'what was asked of a node that died rejects node-gone, and so does what is asked then'
const inOrder = 'tells arrive once each, in the order in which they were sent'
const anyTold = 'any JSON can be told, and is what it was when it was sent'
const toldStopped = 'what is told to a node that was stopped reaches none'

const isItself = (node: MemoryCluster, to: NodeRef): boolean => to.id === node.self.id

/** The errors of requests are other ones. */
function failing(caughtBy: string, change: (error: BeamClawError) => BeamClawError): NodeMistake {
  return wrong(caughtBy, (node) => ({
    request: (to, body, options) =>
      node.request(to, body, options).catch((error: BeamClawError) => {
        throw change(error)
      }),
  }))
}

/** One code in place of another. */
function renamed(from: ErrorCode, to: ErrorCode): (error: BeamClawError) => BeamClawError {
  return (error) => (error.code === from ? new BeamClawError(to, error.message) : error)
}

/** An error that has lost some of its fields. */
function without(...fields: readonly ('details' | 'isRetryable' | 'retryAfterMs')[]): (error: BeamClawError) => BeamClawError {
  return ({ code, message, details, isRetryable, retryAfterMs }) =>
    new BeamClawError(code as ErrorCode, message, {
      ...(fields.includes('details') ? {} : { details }),
      ...(fields.includes('isRetryable') ? {} : { isRetryable }),
      ...(fields.includes('retryAfterMs') || retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
}

/** The bodies of requests are changed on their way. */
function changing(caughtBy: string, change: (body: JsonValue) => JsonValue): NodeMistake {
  return wrong(caughtBy, (node) => ({ request: (to, body, options) => node.request(to, change(body), options) }))
}

/** The nodes reach into each other's hosts. */
function reaching(
  caughtBy: string,
  change: (node: MemoryCluster, hostOf: (to: NodeRef) => ClusterHost | undefined) => object,
): NodeMistake {
  return {
    caughtBy,
    plant: () => {
      const hosts = new Map<string, ClusterHost>()
      return (node) => ({
        join: (host) => {
          hosts.set(node.self.id, host)
          return node.join(host)
        },
        ...change(node, ({ id }) => hosts.get(id)),
      })
    },
  }
}

/** Each reply goes to the request that has waited longest. */
const inTurn = (): NodeMistake['plant'] => () => (node) => {
  const waiting: PromiseWithResolvers<JsonValue>[] = []
  return {
    request: (to, body, options) => {
      const own = Promise.withResolvers<JsonValue>()
      waiting.push(own)
      node.request(to, body, options).then(
        (reply) => waiting.shift()?.resolve(reply),
        (error: unknown) => own.reject(error),
      )
      return own.promise
    },
  }
}

/** Tells are kept until the present turn is over, and then sent in another way. */
function batching(caughtBy: string, send: (batch: readonly (() => void)[]) => void): NodeMistake {
  return wrong(caughtBy, (node) => {
    let batch: (() => void)[] = []
    return {
      tell: (to, body) => {
        if (batch.length === 0) {
          void turn().then(() => {
            const whole = batch
            batch = []
            send(whole)
          })
        }
        batch.push(() => node.tell(to, body))
      },
    }
  })
}

export const messageMistakes = {
  'has no way to itself': wrong(toItself, (node) => ({
    request: async (to, body, options) => {
      if (isItself(node, to)) throw new BeamClawError('node-gone', 'This is me')
      return node.request(to, body, options)
    },
  })),
  'has other errors for itself': failing(toItself, renamed('overloaded', 'internal')),
  'waits for itself for ever': wrong(itselfInTime, (node) => ({
    request: (to, body, options) => node.request(to, body, isItself(node, to) ? { timeoutMs: 900_000 } : options),
  })),
  'tells itself nothing': wrong(tellsItself, (node) => ({ tell: (to, body) => (isItself(node, to) ? undefined : node.tell(to, body)) })),
  'hands itself the very object': reaching(tellsItself, (node, hostOf) => ({
    tell: (to: NodeRef, body: JsonValue) => void turn().then(() => hostOf(to)?.onTell(body, node.self)),
  })),
  'hopes for a node that there never was': failing(never, renamed('node-gone', 'call-timeout')),
  'throws when there is no such node': wrong(throwsNever, (node) => ({
    tell: (to, body) => {
      if (!isItself(node, to)) throw new BeamClawError('node-gone', 'There is no such node')
      node.tell(to, body)
    },
  })),
  'throws for what is not JSON': wrong(throwsNever, (node) => ({
    tell: (to, body) => node.tell(to, JSON.parse(JSON.stringify(body)) as JsonValue),
  })),
  'hears itself after its stop': reaching(afterStop, (node, hostOf) => ({
    tell: (to: NodeRef, body: JsonValue) => hostOf(to)?.onTell(body, node.self),
  })),
  'waits for a reply after its stop': {
    caughtBy: afterStop,
    plant: () => (node) => {
      let isStopped = false
      return {
        stop: () => {
          isStopped = true
          return node.stop()
        },
        request: (to, body, options) => (isStopped ? new Promise(() => {}) : node.request(to, body, options)),
      }
    },
  },

  'asks itself each time': wrong(answered, (node) => ({ request: (_, body, options) => node.request(node.self, body, options) })),
  'names the node that is asked in place of the one that asks': misheard(answered, (host, node) => ({
    onRequest: (body) => host.onRequest(body, node.self),
  })),
  'names the id of the node that asks alone': misheard(answered, (host) => ({
    onRequest: (body, { id }) => host.onRequest(body, { id, incarnation: '' }),
  })),
  'repairs lone surrogates': changing(anyJson, (body) => JSON.parse(wellFormedJson(body) ?? 'null') as JsonValue),
  'copies fields by assignment': changing(anyJson, assigned),
  'takes null for nothing': changing(anyJson, (body) => (body === null ? {} : body)),
  'calls the host of the other node itself': reaching(shares, (node, hostOf) => ({
    request: async (to: NodeRef, body: JsonValue) => hostOf(to)?.onRequest(body, node.self) ?? null,
  })),
  'reads a body when its batch leaves': wrong(whenSent, (node) => ({
    request: async (to, body, options) => {
      await turn()
      return node.request(to, body, options)
    },
  })),
  'refuses bodies of more than 64 KiB': changing(large, (body) => {
    if (JSON.stringify(body).length > 65_536) throw new BeamClawError('document-too-large', 'Too large')
    return body
  }),
  'cuts long texts': changing(large, (body) => JSON.parse(JSON.stringify(body, (_, value: unknown) => cut(value))) as JsonValue),
  'gives each reply to the request that has waited longest': { caughtBy: belongs, plant: inTurn() },
  'replies to no request while one of its own is open': {
    caughtBy: asksBack,
    plant: () => (node) => {
      let own: Promise<unknown> = Promise.resolve()
      return {
        request: (to, body, options) => {
          const call = node.request(to, body, options)
          own = call.catch(() => {})
          return call
        },
        join: (host) =>
          node.join({
            wire: host.wire,
            records: host.records,
            onRequest: (body, from) => own.then(() => host.onRequest(body, from)),
            onTell: (body, from) => host.onTell(body, from),
            onMembers: (change) => host.onMembers(change),
            onIsolated: () => host.onIsolated(),
            onRejoined: (self) => host.onRejoined(self),
          }),
      }
    },
  },
  'loses the details of errors': failing(errors, without('details')),
  'does not say what may be tried again': failing(errors, without('isRetryable')),
  'does not say when to try again': failing(errors, without('retryAfterMs')),
  'has one code for all errors of others': failing(errors, renamed('overloaded', 'internal')),
  'tells the text of every error': misheard(untyped, (host) => ({
    onRequest: (body, from) =>
      host.onRequest(body, from).catch((error: Error) => {
        throw new BeamClawError('internal', error.message)
      }),
  })),
  'waits for a reply for ever': wrong(inTime, (node) => ({ request: (to, body) => node.request(to, body, { timeoutMs: 900_000 }) })),
  'takes silence for death': failing(inTime, renamed('call-timeout', 'node-gone')),
  'gives a late reply to another request': { caughtBy: inTime, plant: inTurn() },
  'hopes for a node that has left': failing(stoppedAsked, renamed('node-gone', 'call-timeout')),
  'asks through another node after its stop': wrong(stoppedAsks, (_, { nodes }) => ({
    request: (to, body, options) => nodes[0]?.request(to, body, options) ?? Promise.reject(new Error('no node')),
  })),
  'hopes for a node that has died': failing(diedAsked, renamed('node-gone', 'call-timeout')),

  'sends the newest first': batching(inOrder, (batch) => {
    for (const send of batch.toReversed()) send()
  }),
  'sends twice after a doubt': batching(inOrder, (batch) => {
    for (const send of batch) send()
    batch.at(-1)?.()
  }),
  'keeps the last hundred of a batch': batching(inOrder, (batch) => {
    for (const send of batch.slice(-100)) send()
  }),
  'names itself as the sender of all': misheard(inOrder, (host, node) => ({ onTell: (body) => host.onTell(body, node.self) })),
  'reads what it tells when the batch leaves': batching(anyTold, (batch) => {
    for (const send of batch) send()
  }),
  'cuts long tells': wrong(anyTold, (node) => ({ tell: (to, body) => node.tell(to, cut(body) as JsonValue) })),
  'repairs lone surrogates of what it tells': wrong(anyTold, (node) => ({
    tell: (to, body) => node.tell(to, JSON.parse(wellFormedJson(body) ?? 'null') as JsonValue),
  })),
  'reaches a node after its stop': reaching(toldStopped, (node, hostOf) => ({
    tell: (to: NodeRef, body: JsonValue) => hostOf(to)?.onTell(body, node.self),
  })),
} as const satisfies Readonly<Record<string, NodeMistake>>

function cut(value: unknown): unknown {
  return typeof value === 'string' ? value.slice(0, 65_536) : value
}

/** A copy in which a field called `__proto__` becomes the prototype. */
function assigned(body: JsonValue): JsonValue {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body
  const copy: Record<string, JsonValue> = {}
  for (const [name, value] of Object.entries(body)) copy[name] = value as JsonValue
  return { ...copy }
}
