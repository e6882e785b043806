// The provider over the AI SDK's mock models of both versions, which ignore aborts, against the contract of the port.
import { type ProviderUnderTest, providerContract, type ServiceBehavior } from '@beamclaw/testkit'
import { describe, it } from 'vitest'
import { contractKey as key, contractStatuses as statuses } from '../testing/contract-server.ts'
import { AiSdkProvider } from './ai-sdk-provider.ts'
import { finish, mockModel, textBlock, versions } from './testing/mock-models.ts'

/** The parts of an answer; undefined for the place where it falls silent. */
function partsOf(behavior: ServiceBehavior): readonly unknown[] {
  const pieces = (...texts: readonly string[]): readonly unknown[] => texts.map((delta) => ({ type: 'text-delta', id: '0', delta }))
  const start = { type: 'stream-start', warnings: [] }
  const call = (input: string): readonly unknown[] => [
    { type: 'tool-input-start', id: 'call_0', toolName: 'add' },
    { type: 'tool-input-delta', id: 'call_0', delta: input },
    { type: 'tool-input-end', id: 'call_0' },
    { type: 'tool-call', toolCallId: 'call_0', toolName: 'add', input },
  ]
  switch (behavior.type) {
    case 'text':
      return [start, ...textBlock('It is five.'), finish()]
    case 'say': {
      const usage = { inputTokens: { total: behavior.inputTokens }, outputTokens: { total: behavior.outputTokens } }
      return [{ type: 'text-start', id: '0' }, ...pieces(...(behavior.text.match(/[\s\S]{1,8}/gu) ?? [])), finish('stop', 'stop', usage)]
    }
    case 'tool-call':
      return [start, ...textBlock('Let me see.'), ...call('{"a":2,"b":3}'), finish('tool-calls')]
    case 'cut-off':
      return [start, ...call('{"a":2,"b"'), finish('length')]
    case 'hang':
      return [start, { type: 'text-start', id: '0' }, ...pieces('one ', 'two '), undefined]
    case 'break':
      return [start, { type: 'text-start', id: '0' }, ...pieces('one ', 'two ')]
    case 'silence':
    case 'fail':
      return []
  }
}

function overMock(version: (typeof versions)[number]) {
  return (): ProviderUnderTest => {
    const behaviors: ServiceBehavior[] = []
    const open = new Set<object>()
    let last: string | undefined
    const { model } = mockModel(version, ({ abortSignal, ...options }) => {
      last = JSON.stringify([asked, options])
      const behavior = behaviors.shift() ?? { type: 'text' }
      if (behavior.type === 'fail') {
        const message = `Refused the key ${key}.`
        throw Object.assign(new Error(message), {
          name: 'AI_APICallError',
          statusCode: statuses[behavior.as],
          requestBodyValues: { key },
          responseBody: message,
        })
      }
      const call = {}
      open.add(call)
      abortSignal.addEventListener('abort', () => behavior.type === 'silence' && open.delete(call), { once: true })
      if (behavior.type === 'silence') return new Promise(() => {})
      const parts = [...partsOf(behavior)]
      const stream = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setImmediate(resolve))
          const isOver = parts.length === 0
          const part = parts.shift()
          if (isOver) controller.close()
          else if (part === undefined) return new Promise<void>(() => {})
          else controller.enqueue(part)
          if (isOver) open.delete(call)
          return undefined
        },
        cancel: () => void open.delete(call),
      })
      return { stream }
    })
    let asked = ''
    const byName = (name: string): typeof model => {
      asked = name
      return model
    }
    return {
      provider: new AiSdkProvider({ model: byName, service: 'own' }),
      service: 'own',
      model: 'scripted-1',
      secret: key,
      arrange: (behavior) => void behaviors.push(behavior),
      lastRequest: () => last,
      idle: async () => {
        while (open.size > 0) await new Promise((resolve) => setImmediate(resolve))
      },
    }
  }
}

for (const version of versions) {
  providerContract(`AiSdkProvider over a mock of version ${version}`, overMock(version), { describe, it, deadlineMs: 25_000 })
}
