/** The methods of every gateway, implemented like those of any fragment. */
import {
  agentMethods,
  agentsMethods,
  approvalMethods,
  chatMethods,
  clusterMethods,
  connectionMethods,
  deadLetterMethods,
  type MethodFragment,
  type MethodName,
  sessionsMethods,
  statusMethods,
} from '@beamclaw/protocol'
import type { AnyImplementation, ImplementedMethods, Publish } from '../../methods/implement-methods.ts'
import { agent, agentWait } from './agent.ts'
import {
  approvalGet,
  approvalList,
  approvalResolve,
  approvalWaitDecision,
  grantsList,
  grantsRevoke,
  publishApprovals,
} from './approvals.ts'
import type { Call, Method, World } from './call.ts'
import { chatAbort, chatSend } from './chat.ts'
import { chatHistory } from './chat-history.ts'
import { clusterDrain, clusterStatus, clusterTree } from './cluster.ts'
import { sessionsDeadLetters, sessionsRedrive } from './dead-letters.ts'
import { sessionMessagesSubscribe, sessionMessagesUnsubscribe, sessionsList, sessionsSubscribe, sessionsUnsubscribe } from './sessions.ts'
import { agentsList, health, status } from './status.ts'

/** Returns the gateway's own fragments with their implementations. */
export function builtInMethods(world: World): readonly ImplementedMethods[] {
  return [
    { fragment: connectionMethods, implementations: {} },
    implement(world, statusMethods, { health, status }),
    implement(world, clusterMethods, { 'cluster.status': clusterStatus, 'cluster.tree': clusterTree, 'cluster.drain': clusterDrain }),
    implement(world, agentsMethods, { 'agents.list': agentsList }),
    implement(world, sessionsMethods, {
      'sessions.list': sessionsList,
      'sessions.subscribe': sessionsSubscribe,
      'sessions.unsubscribe': sessionsUnsubscribe,
      'sessions.messages.subscribe': sessionMessagesSubscribe,
      'sessions.messages.unsubscribe': sessionMessagesUnsubscribe,
    }),
    implement(world, deadLetterMethods, { 'sessions.deadLetters': sessionsDeadLetters, 'sessions.redrive': sessionsRedrive }),
    implement(world, chatMethods, { 'chat.history': chatHistory, 'chat.send': chatSend, 'chat.abort': chatAbort }),
    implement(world, agentMethods, { agent, 'agent.wait': agentWait }),
    {
      ...implement(world, approvalMethods, {
        'exec.approval.list': approvalList,
        'exec.approval.get': approvalGet,
        'exec.approval.resolve': approvalResolve,
        'exec.approval.waitDecision': approvalWaitDecision,
        'exec.approval.grants.list': grantsList,
        'exec.approval.grants.revoke': grantsRevoke,
      }),
      onStart: (publish: Publish<typeof approvalMethods>) => publishApprovals(world, publish),
    },
  ]
}

type WorldMethods<TFragment extends MethodFragment> = { readonly [M in keyof TFragment['methods'] & MethodName]: Method<M> }

type AnyMethod = (params: unknown, world: World, call: Call) => unknown

/** Passes the world to each function as its second argument. */
function implement<TFragment extends MethodFragment>(
  world: World,
  fragment: TFragment,
  functions: WorldMethods<TFragment>,
): ImplementedMethods {
  const bound = Object.entries<AnyMethod>(functions as never).map(([name, method]): [string, AnyImplementation] => [
    name,
    (params: never, call: Call) => method(params, world, call),
  ])
  return { fragment, implementations: Object.fromEntries(bound) }
}
