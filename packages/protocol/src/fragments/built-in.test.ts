import { expect, test } from 'vitest'
import { agentMethods } from './agent.ts'
import { agentsMethods } from './agents.ts'
import { approvalMethods } from './approvals.ts'
import { events, methods } from './built-in.ts'
import { chatMethods } from './chat.ts'
import { clusterMethods } from './cluster.ts'
import { connectionMethods } from './connection.ts'
import { deadLetterMethods } from './dead-letters.ts'
import { sessionsMethods } from './sessions.ts'
import { statusMethods } from './status.ts'

test('the tables have every method and event of the fragments once', () => {
  const fragments = [
    connectionMethods,
    statusMethods,
    clusterMethods,
    agentsMethods,
    sessionsMethods,
    deadLetterMethods,
    chatMethods,
    agentMethods,
    approvalMethods,
  ]
  expect(fragments.flatMap((fragment) => Object.keys(fragment.methods)).toSorted()).toEqual(Object.keys(methods).toSorted())
  expect(fragments.flatMap((fragment) => Object.keys(fragment.events)).toSorted()).toEqual(Object.keys(events).toSorted())
})
