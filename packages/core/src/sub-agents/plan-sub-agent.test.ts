import { expect, test } from 'vitest'
import { defineAgent } from '../agent/agent.ts'
import { parseAgentId, parseSessionKey } from '../base/ids.ts'
import { planSubAgent } from './plan-sub-agent.ts'
import { subAgentSettings } from './sub-agent-options.ts'

const main = defineAgent({ id: 'main', model: 'test/model' })
const parent = parseSessionKey('agent:main:a')

function plan(request: object, above?: object) {
  return planSubAgent({
    id: 'two',
    request: { parent, task: 'x', ...request },
    call: { agentId: parseAgentId('main'), tools: [] },
    agents: new Map([[main.id, main]]),
    settings: subAgentSettings({ agents: 'all', maxDepth: 5, timeoutMs: 60_000, maxTurns: 10 }),
    entries: above === undefined ? [] : [{ hasEnded: false, record: { sessionKey: parent, depth: 1, parent: {}, ...above } as never }],
    now: 1_000,
  })
}

test('the deadline is that of its request, of the options and of its parent, whichever is first', () => {
  expect(plan({}).deadlineAt).toBe(61_000)
  expect(plan({ timeoutMs: 5_000 }).deadlineAt).toBe(6_000)
  expect(plan({ timeoutMs: 100_000 }).deadlineAt).toBe(61_000)
  expect(plan({ timeoutMs: 30_000 }, { deadlineAt: 20_000 }).deadlineAt).toBe(20_000)
  expect(plan({ timeoutMs: 10_000 }, { deadlineAt: 20_000 }).deadlineAt).toBe(11_000)
})

test('a budget is never above that of the options', () => {
  expect([plan({}).maxTurns, plan({ maxTurns: 3 }).maxTurns, plan({ maxTurns: 30 }).maxTurns]).toEqual([10, 3, 10])
  expect([plan({}).maxTokens, plan({ maxTokens: 3 }).maxTokens]).toEqual([undefined, 3])
})
