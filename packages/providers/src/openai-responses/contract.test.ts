// The provider against the contract of the port, with a real server on this machine.
import { type ProviderUnderTest, providerContract, type ServiceBehavior } from '@beamclaw/testkit'
import { type ModelAnswer, startModelServer } from '@beamclaw/testkit/model-server'
import { describe, it } from 'vitest'
import { OpenAiResponsesProvider } from './openai-responses-provider.ts'

const statuses = { auth: 401, 'rate-limit': 429, server: 500 } as const

const key = 'sk-contract-0123456789'

// Four events come before the first piece of text.
const afterTwoWords = 6

function answerTo(behavior: ServiceBehavior): ModelAnswer {
  switch (behavior.type) {
    case 'text':
      return { text: 'It is five, as far as I can tell.' }
    case 'tool-call':
      return { thinking: 'Two and three.', text: 'Let me see.', toolCalls: [{ name: 'add', input: { a: 2, b: 3 } }] }
    case 'hang':
      return { text: 'one two three four', delivery: { stall: afterTwoWords } }
    case 'fail':
      return { error: { status: statuses[behavior.as], body: { error: { type: 'refused', message: `Refused the key ${key}.` } } } }
    case 'break':
      return { text: 'one two three four', delivery: { disconnectAfterEvents: afterTwoWords } }
    case 'silence':
      return { delivery: { stall: 'headers' } }
    case 'say': {
      const { text, inputTokens, outputTokens } = behavior
      return { text: text.match(/[\s\S]{1,8}/gu) ?? [], usage: { inputTokens, outputTokens } }
    }
    case 'cut-off':
      return { toolCalls: [{ name: 'add', inputText: '{"a": 2, "b"' }], finish: 'max_output_tokens' }
  }
}

async function overHttp(): Promise<ProviderUnderTest> {
  const server = await startModelServer({ dialect: 'openai-responses' })
  return {
    provider: new OpenAiResponsesProvider({ baseUrl: server.baseUrl, apiKey: key }),
    model: 'scripted-1',
    secret: key,
    service: new URL(server.baseUrl).host,
    arrange: (behavior) => server.enqueue(answerTo(behavior)),
    lastRequest: () => {
      const last = server.requests.at(-1)
      return last === undefined ? undefined : JSON.stringify([last.headers, last.body])
    },
    idle: () => server.idle(),
    dispose: () => server.stop(),
  }
}

providerContract('OpenAiResponsesProvider', overHttp, { describe, it, deadlineMs: 25_000 })
