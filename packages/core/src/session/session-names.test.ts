import { expect, test } from 'vitest'
import { parseSessionKey, parseTenantId } from '../base/ids.ts'
import { committedTopic, leaseOfTopic, sessionLease, sessionTopic, topicsOfLease } from './session-names.ts'

test.each(['agent:main:main', 'agent:main:session:committed', 'agent:a:agent:b:c', `agent:main:${'x'.repeat(500)}`])(
  'the topics of %s and its lease lead to each other',
  (name) => {
    const [tenant, key] = [parseTenantId('acme_1'), parseSessionKey(name)]
    const lease = sessionLease(tenant, key)
    const topics = [sessionTopic(tenant, key), committedTopic(tenant, key)]
    expect(topics.map(leaseOfTopic)).toEqual([lease, lease])
    expect(topicsOfLease(lease)).toEqual(topics)
  },
)

test.each([
  '',
  'news',
  'session:agent:ops:main',
  'acme:other:agent:main:main',
  'acme:session:main',
  'acme:session:agent:main',
  'a:b:session:agent:main:x',
])('the topic "%s" is no session\'s', (topic) => {
  expect(leaseOfTopic(topic)).toBeUndefined()
})
